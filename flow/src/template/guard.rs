//! Looks at a template's tokens before the parser does: the parser nests on the machine's stack, and a long chain
//! overflows it, which ends the whole process. Here everything is counted without nesting.

use minijinja::machinery::{Token, Tokenizer};
use minijinja::syntax::SyntaxConfig;

use super::error::TemplateError;

/// The longest source, in bytes (CONTRACT section 6).
pub(crate) const MAX_BYTES: usize = 64 << 10;

/// Operators, filters and path segments in one tag (CONTRACT section 6), and `elif`s in a template.
const MAX_LINKS: usize = 200;

/// Parentheses, brackets and braces in one another.
const MAX_PARENTHESES: usize = 32;

/// `a if b else c` in one tag: each may be a branch of the one before.
const MAX_INLINE_IFS: usize = 32;

/// `{% if %}` and `{% for %}` in one another.
const MAX_BLOCKS: usize = 16;

/// Statements that exist here.
const STATEMENTS: &[&str] = &["if", "elif", "else", "endif", "for", "endfor"];

/// Refuses what the parser could not take, and every statement but `if` and `for`.
pub(crate) fn guard(source: &str, expression: bool, syntax: &SyntaxConfig) -> Result<(), TemplateError> {
    if source.len() > MAX_BYTES {
        return Err(TemplateError::TooLong {
            bytes: source.len(),
            limit: MAX_BYTES,
        });
    }
    let mut tokens = Tokenizer::new(source, "template", expression, syntax.clone());
    let mut tag = Tag::default();
    let mut elifs = 0;
    let mut blocks = 0_usize;
    let mut statement = false;
    // What the tokenizer cannot read, the parser reports with its place.
    while let Ok(Some((token, span))) = tokens.next_token() {
        let line = usize::from(span.start_line);
        if std::mem::take(&mut statement) {
            let Token::Ident(name) = token else { continue };
            if !STATEMENTS.contains(&name) {
                return Err(unknown(line, name));
            }
            match name {
                "if" | "for" => blocks += 1,
                "endif" | "endfor" => blocks = blocks.saturating_sub(1),
                "elif" => elifs += 1,
                _ => {}
            }
            if blocks > MAX_BLOCKS {
                return Err(TemplateError::TooDeep {
                    line,
                    limit: MAX_BLOCKS,
                });
            }
            if elifs > MAX_LINKS {
                return Err(TemplateError::TooManyLinks {
                    line,
                    limit: MAX_LINKS,
                });
            }
            continue;
        }
        match token {
            Token::BlockStart => {
                tag = Tag::default();
                statement = true;
            }
            Token::VariableStart => tag = Tag::default(),
            token => tag.count(&token, line)?,
        }
    }
    Ok(())
}

/// What one tag holds.
#[derive(Default)]
struct Tag {
    links: usize,
    open: usize,
    ifs: usize,
}

impl Tag {
    fn count(&mut self, token: &Token<'_>, line: usize) -> Result<(), TemplateError> {
        match token {
            Token::ParenOpen | Token::BracketOpen | Token::BraceOpen => {
                self.open += 1;
                self.links += 1;
            }
            Token::ParenClose | Token::BracketClose | Token::BraceClose => {
                self.open = self.open.saturating_sub(1)
            }
            Token::Ident("if") => {
                self.ifs += 1;
                self.links += 1;
            }
            Token::Ident("and" | "or" | "not" | "in" | "is" | "else") => self.links += 1,
            Token::Plus
            | Token::Minus
            | Token::Mul
            | Token::Div
            | Token::FloorDiv
            | Token::Pow
            | Token::Mod => {
                self.links += 1;
            }
            Token::Dot | Token::Tilde | Token::Pipe => self.links += 1,
            Token::Eq | Token::Ne | Token::Gt | Token::Gte | Token::Lt | Token::Lte => self.links += 1,
            _ => {}
        }
        if self.open > MAX_PARENTHESES {
            return Err(TemplateError::TooDeep {
                line,
                limit: MAX_PARENTHESES,
            });
        }
        if self.ifs > MAX_INLINE_IFS {
            return Err(TemplateError::TooDeep {
                line,
                limit: MAX_INLINE_IFS,
            });
        }
        if self.links > MAX_LINKS {
            return Err(TemplateError::TooManyLinks {
                line,
                limit: MAX_LINKS,
            });
        }
        Ok(())
    }
}

fn unknown(line: usize, name: &str) -> TemplateError {
    let name: String = name.chars().take(40).collect();
    TemplateError::Unsupported {
        line,
        message: format!("there is no statement `{name}`; there are `if`, `for` and `{{{{ }}}}`"),
    }
}
