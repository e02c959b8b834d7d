//! `docs/nodes.md`, written from the catalogue. `UPDATE_DOCS=1 cargo test -p flow --test nodes_page` rewrites it.

use std::fmt::Write;

use super::{DATA, Field, Handles, Kind, Need, NodeType, node_types};

const BEGINNING: &str = "\
# Nodes

Every node type with its settings. This page is written from the catalogue in `flow/src/catalogue`, from which the
check at save time and the JSON Schemas come, too; a test fails when they differ.

A node's settings are its `data.config`; without `config`, `data` itself. T: the strings in this setting are
templates, and a template may stand for a value of any kind. Triggers take their settings in camelCase or snake_case,
and the automation's `trigger_config` lies over them.
";

/// The page, as Markdown.
pub fn page() -> String {
    let mut out = BEGINNING.to_owned();
    out += "\n## Any node\n\nIn `data`, beside `config`. Edges on handle `error` are taken when a run has failed.\n\n";
    table(&mut out, DATA);
    for kind in node_types() {
        section(&mut out, kind);
    }
    out
}

fn section(out: &mut String, kind: &NodeType) {
    let handles = match kind.handles {
        Handles::Default => "default".to_owned(),
        Handles::OrTimeout => "default, `timeout`".to_owned(),
        Handles::Named { names, .. } => format!("`{}`", names.join("`, `")),
        Handles::Cases => "the `handleId` of the case, `defaultHandleId`".to_owned(),
        Handles::Ends => "none".to_owned(),
    };
    // Writing to a string cannot fail.
    let _ = write!(out, "\n## {}\n\n{}\n", kind.name, kind.description);
    let _ = write!(out, "\nHandles: {handles}. Output: {}.\n", kind.output);
    if !kind.fields.is_empty() {
        out.push('\n');
        table(out, kind.fields);
    }
    for need in kind.needs {
        let _ = match need {
            Need::OneOf(names) => write!(out, "\nOne of `{}` is required.\n", names.join("`, `")),
            Need::When { when, is, field } => {
                write!(
                    out,
                    "\n`{field}` is required where `{when}` is `{}`.\n",
                    is.join("` or `")
                )
            }
        };
    }
}

fn table(out: &mut String, fields: &[Field]) {
    *out += "| setting | takes | default | meaning |\n|---|---|---|---|\n";
    rows(out, "", fields);
}

fn rows(out: &mut String, within: &str, fields: &[Field]) {
    for field in fields {
        let template = if field.template { ", T" } else { "" };
        let default = match (field.required, field.default) {
            (true, _) => "required".to_owned(),
            (false, "") => String::new(),
            (false, default) => format!("`{default}`"),
        };
        let name = format!("{within}{}", field.name);
        let _ = writeln!(
            out,
            "| `{name}` | {}{template} | {default} | {} |",
            takes(field.kind),
            field.description
        );
        match field.kind {
            Kind::ListOf(fields) => rows(out, &format!("{name}[]."), fields),
            Kind::ObjectOf(fields) => rows(out, &format!("{name}."), fields),
            _ => {}
        }
    }
}

fn takes(kind: Kind) -> String {
    match kind {
        Kind::Text => "text".into(),
        Kind::Id => "id".into(),
        Kind::Name => "name".into(),
        Kind::Number(least, most) => format!("number from {least} to {most}"),
        Kind::Integer(least, most) => format!("whole number from {least} to {most}"),
        Kind::Boolean => "true or false".into(),
        Kind::Choice(of) => format!("`{}`", of.join("`, `")),
        Kind::Time => "point in time".into(),
        Kind::Object | Kind::ObjectOf(_) => "object".into(),
        Kind::List => "list".into(),
        Kind::ListOf(_) => "list of objects".into(),
        Kind::Texts => "text or list of texts".into(),
        Kind::ListExpression => "list, or expression".into(),
        Kind::Expression => "expression".into(),
        Kind::Rules => "list of rules".into(),
        Kind::Condition => "condition".into(),
        Kind::Match => "object, or condition".into(),
        Kind::Any => "anything".into(),
    }
}
