//! An entry of an expected path: `node`, `node.handle`, `node!` (it failed), `node~` (it is disabled), each with the
//! place after an `@`: `node@outer:0/inner:2`, and `node@each#2:0` for the second run of the loop.

use serde::Deserialize;

/// A step as the table writes it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub struct Entry {
    pub node: String,
    pub handle: Option<String>,
    pub failed: bool,
    /// Loop, its run, its item; outermost first.
    pub place: Vec<(String, u32, u32)>,
}

impl TryFrom<String> for Entry {
    type Error = String;

    fn try_from(text: String) -> Result<Entry, String> {
        let (step, place) = text.split_once('@').unwrap_or((&text, ""));
        let place: Option<Vec<_>> = place
            .split('/')
            .filter(|one| !one.is_empty())
            .map(iteration)
            .collect();
        let failed = step.ends_with('!');
        let step = step.trim_end_matches(['!', '~']);
        let (node, handle) = match step.split_once('.') {
            Some((node, handle)) => (node, Some(handle.to_owned())),
            None => (step, None),
        };
        let place = place.ok_or_else(|| format!("no place: {text}"))?;
        Ok(Entry {
            node: node.to_owned(),
            handle,
            failed,
            place,
        })
    }
}

fn iteration(text: &str) -> Option<(String, u32, u32)> {
    let (id, item) = text.split_once(':')?;
    let (id, run) = id.split_once('#').unwrap_or((id, "1"));
    Some((id.to_owned(), run.parse().ok()?, item.parse().ok()?))
}
