//! The field of a rule: a path (`trigger.new.score`, `nodes['a'].output.id`) or a template.

use crate::template::{Template, TemplateError};

/// The longest path, in bytes.
const MAX_BYTES: usize = 2_000;

/// What a field reads.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) template: Template,
    /// The column that it means for `changed`; none where only its value says.
    pub(super) column: Option<String>,
}

impl Field {
    /// Reads a field: a template if there is a tag in it, else a path, else an expression.
    pub(super) fn parse(source: &str) -> Result<Field, TemplateError> {
        let source = source.trim();
        if source.contains("{{") || source.contains("{%") {
            return Ok(Field {
                template: Template::parse(source)?,
                column: None,
            });
        }
        match path(source).as_deref() {
            Some([name, parts @ ..]) => {
                let column = column(name, parts);
                Ok(Field {
                    template: Template::path(name.clone(), parts.to_vec()),
                    column,
                })
            }
            _ => Ok(Field {
                template: Template::expression(source)?,
                column: None,
            }),
        }
    }
}

/// The parts of a path; none if this is no path. Names may hold hyphens, as HTTP headers do.
fn path(source: &str) -> Option<Vec<String>> {
    if source.len() > MAX_BYTES {
        return None;
    }
    let mut parts = Vec::new();
    let mut rest = source;
    loop {
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '$' | '@' | ':');
        // `true`, `5` and `-x` are expressions.
        let begins = |c: char| c.is_alphabetic() || matches!(c, '_' | '$' | '@');
        if !name.chars().all(plain) || (parts.is_empty() && !name.starts_with(begins)) || name.is_empty() {
            return None;
        }
        parts.push(name.to_owned());
        rest = after;
        while let Some(inside) = rest.strip_prefix('[') {
            let (key, after) = match inside.chars().next()? {
                quote @ ('\'' | '"') => {
                    let inside = inside.get(1..)?;
                    let (key, after) = inside.split_once(quote)?;
                    if key.contains('\\') {
                        return None;
                    }
                    (key, after.strip_prefix(']')?)
                }
                _ => {
                    let (key, after) = inside.split_once(']')?;
                    key.parse::<i64>().ok()?;
                    (key, after)
                }
            };
            parts.push(key.to_owned());
            rest = after;
        }
        match rest.strip_prefix('.') {
            Some(more) => rest = more,
            None if rest.is_empty() => {
                let literal = matches!(source, "true" | "false" | "none" | "True" | "False" | "None");
                return (!literal).then_some(parts);
            }
            None => return None,
        }
    }
}

/// The column that a path means: of `trigger.new.status`, `new.status`, `lead.status` and `status` it is `status`.
fn column(name: &str, parts: &[String]) -> Option<String> {
    let mut path = std::iter::once(name)
        .chain(parts.iter().map(String::as_str))
        .peekable();
    path.next_if_eq(&"trigger");
    let row = path.next_if(|part| ["new", "old", "lead", "conversation"].contains(part));
    path.next().or(row).map(str::to_owned)
}
