//! Which names a node's configuration may read, found in its strings: what is not mentioned is neither fetched from
//! the database nor copied. It errs towards too much; a name that a template builds at run time reads everything.

use std::sync::Arc;

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
    /// Looks through every string of a configuration.
    pub fn find(config: &Value, ids: &[Arc<str>]) -> Mentions {
        let mut texts = Vec::new();
        strings(config, &mut texts);
        let rows = texts
            .iter()
            .any(|text| has_word(text, "lead") || has_word(text, "conversation"));
        Mentions {
            rows,
            nodes: behind("nodes", &texts, ids),
            resume: behind("resume", &texts, ids),
        }
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
        Mentions::find(&config, &["score".into(), "http 1".into()])
    }

    #[test]
    fn only_strings_count_and_only_whole_words() {
        assert_eq!(
            find(json!({"leadId": "{{ trigger.leads }}", "lead": 1})),
            Mentions::default()
        );
        assert!(find(json!({"a": [{"b": "Hello {{ lead.name }}"}]})).rows);
        assert!(find(json!({"rules": [{"field": "conversation.status"}]})).rows);
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
