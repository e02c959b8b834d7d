//! Which names a node's configuration may read: what is not mentioned is neither fetched from the database nor copied.
//! The rows cost a transaction, so they are fetched for templates and expressions that name them and for nothing else
//! (a URL that ends with `/lead` cost every run one). The rest is found in the strings and errs towards too much; a name
//! that a template builds at run time reads everything.

use std::sync::Arc;

use flow::Configured;
use serde_json::Value;

/// The names that cost something.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mentions {
    /// `lead` or `conversation`: rows to fetch.
    pub rows: bool,
    /// `nodes[...]`: outputs to copy.
    pub nodes: Nodes,
    /// `resume[...]`: tokens to make.
    pub resume: Nodes,
    /// `execution`: who it is.
    pub execution: bool,
}

/// Whose outputs or tokens.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Nodes {
    /// Nobody's.
    #[default]
    None,
    /// Of these nodes at most.
    These(Vec<Arc<str>>),
    /// Of any.
    All,
}

impl Mentions {
    /// Looks through the compiled configuration and every string of it.
    pub fn find(config: &Value, configured: Option<&Configured>, ids: &[Arc<str>]) -> Mentions {
        let mut texts = Vec::new();
        strings(config, &mut texts);
        // one that cannot be compiled is not rendered either
        let read = configured.map(Configured::names).unwrap_or_default();
        Mentions {
            rows: read.contains("lead") || read.contains("conversation"),
            nodes: behind("nodes", &texts, ids),
            resume: behind("resume", &texts, ids),
            execution: read.contains("execution"),
        }
    }

    /// Whoever reads these may ask for the execution by its id or a token of it.
    pub fn tell_who_it_is(&self) -> bool {
        self.execution || self.resume != Nodes::None
    }
}

/// The nodes that may be named behind this word.
fn behind(word: &str, texts: &[&str], ids: &[Arc<str>]) -> Nodes {
    let reading: Vec<&str> = texts
        .iter()
        .copied()
        .filter(|text| has_word(text, word))
        .collect();
    if reading.is_empty() {
        Nodes::None
    } else if reading.iter().any(|text| is_open(text, word)) {
        Nodes::All
    } else {
        let named = |id: &&Arc<str>| reading.iter().any(|text| text.contains(&***id));
        Nodes::These(ids.iter().filter(named).cloned().collect())
    }
}

fn strings<'a>(value: &'a Value, into: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => into.push(text),
        Value::Array(items) => items.iter().for_each(|item| strings(item, into)),
        Value::Object(object) => object.values().for_each(|item| strings(item, into)),
        _ => {}
    }
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn has_word(text: &str, word: &str) -> bool {
    text.split(|character| !is_word(character))
        .any(|part| part == word)
}

/// True where the word is followed by anything but `.name` or a quoted name, or a name is written with escapes.
fn is_open(text: &str, word: &str) -> bool {
    if text.contains('\\') {
        return true;
    }
    text.match_indices(word).any(|(at, word)| {
        let after = text.get(at + word.len()..).unwrap_or("");
        if after.starts_with(is_word) {
            return false; // a longer word
        }
        let after = after.trim_start();
        let quoted = after
            .strip_prefix('[')
            .is_some_and(|rest| rest.trim_start().starts_with(['\'', '"']));
        !(after.starts_with('.') || quoted)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn find(config: Value) -> Mentions {
        Mentions::find(&config, None, &["score".into(), "http 1".into()])
    }

    fn rows(kind: &str, config: Value) -> bool {
        let configured = Configured::compile(&config, flow::catalogue::node_type(kind).unwrap()).unwrap();
        Mentions::find(&config, Some(&configured), &[]).rows
    }

    #[test]
    fn rows_are_fetched_for_templates_and_expressions_that_name_them_and_for_nothing_else() {
        for config in [
            json!({"url": "https://example.com/lead", "body": "a lead", "lead": "{{ vars.x }}"}),
            json!({"url": "{{ trigger.lead.url }}", "body": "{{ 'lead' }}{% for lead in input %}{{ lead }}{% endfor %}"}),
        ] {
            assert!(!rows("action-http", config.clone()), "{config}");
        }
        for config in [
            json!({"url": "x", "body": {"a": [{"b": "Hello {{ lead.name }}"}]}}),
            json!({"url": "x", "body": "{{ conversation | tojson }}"}),
        ] {
            assert!(rows("action-http", config.clone()), "{config}");
        }
        let rule = |field: &str, value: &str| json!({"rules": [{"field": field, "operator": "equals", "value": value}]});
        assert!(rows("logic-condition", rule("conversation.status", "open")));
        assert!(rows(
            "logic-condition",
            rule("trigger.new.name", "{{ lead.name }}")
        ));
        assert!(!rows("logic-condition", rule("trigger.new.lead", "lead")));
        assert!(rows("logic-condition", json!({"expression": "lead.score > 5"})));
        assert!(rows(
            "logic-switch",
            json!({"expression": "lead.status", "cases": []})
        ));
        assert!(rows("logic-loop", json!({"arrayExpression": "lead.tags"})));
        let mapping = |value: &str| json!({"inputArray": "input", "mapping": {"name": value}});
        assert!(rows("transform-map", mapping("{{ lead.name }}")));
        assert!(!rows("transform-map", mapping("{{ item.lead }}")));
    }

    #[test]
    fn outputs_are_copied_of_the_nodes_that_are_named() {
        assert_eq!(
            find(json!("{{ nodes['http 1'].output.status }}")).nodes,
            Nodes::These(vec!["http 1".into()])
        );
        assert_eq!(
            find(json!("nodes.score.output")).nodes,
            Nodes::These(vec!["score".into()])
        );
        assert_eq!(find(json!("{{ input }}")).nodes, Nodes::None);
    }

    #[test]
    fn tokens_are_made_for_the_nodes_that_are_named() {
        let found = find(json!("{{ resume['http 1'].url }} of {{ nodes.score.output }}"));
        assert_eq!(
            found.resume,
            Nodes::These(vec!["score".into(), "http 1".into()]),
            "what it errs towards is too much"
        );
        assert_eq!(
            find(json!("{{ resume.score.token }}")).resume,
            Nodes::These(vec!["score".into()])
        );
        assert_eq!(find(json!("{{ resume | tojson }}")).resume, Nodes::All);
        assert_eq!(find(json!("{{ vars.resumed }}")).resume, Nodes::None);
    }

    #[test]
    fn a_name_made_at_run_time_reads_every_node() {
        for text in [
            "{{ nodes[vars.x].output }}",
            "{% for n in nodes %}{% endfor %}",
            r"{{ nodes['sc\u006fre'] }}",
        ] {
            assert_eq!(find(json!(text)).nodes, Nodes::All, "{text}");
        }
    }
}
