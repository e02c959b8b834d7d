//! Which status codes count as success: `successStatusCodes`.

use std::ops::RangeInclusive;

use serde_json::Value;

use super::super::{NodeError, setting};

/// The codes that count as success.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Success(Vec<RangeInclusive<u16>>);

impl Success {
    /// Reads a list or a comma separated text of codes (`201`), ranges (`200-299`) and classes (`2xx`); 2xx without.
    pub(super) fn read(config: &Value) -> Result<Success, NodeError> {
        let parts: Vec<String> = match setting::given(config, "successStatusCodes") {
            None => return Ok(Success(vec![200..=299])),
            Some(Value::Array(list)) => list.iter().map(setting::as_text).collect(),
            Some(one) => vec![setting::as_text(one)],
        };
        let ranges: Option<Vec<_>> = parts
            .iter()
            .flat_map(|part| part.split(','))
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(range)
            .collect();
        match ranges {
            Some(ranges) if ranges.is_empty() => Ok(Success(vec![200..=299])),
            Some(ranges) => Ok(Success(ranges)),
            None => Err(NodeError::failed(
                "successStatusCodes takes codes such as 201, 200-299 and 2xx",
            )),
        }
    }

    /// Whether this code counts.
    pub(super) fn counts(&self, code: u16) -> bool {
        self.0.iter().any(|range| range.contains(&code))
    }

    /// Whether a redirect itself is what the configuration waits for, and is not to be followed.
    pub(super) fn names_redirects(&self) -> bool {
        self.0.iter().any(|range| (300..400).contains(range.start()))
    }
}

fn range(text: &str) -> Option<RangeInclusive<u16>> {
    let code = |text: &str| text.trim().parse().ok().filter(|code| (100..600).contains(code));
    if let Some(class) = text.strip_suffix("xx").or_else(|| text.strip_suffix("XX")) {
        let class: u16 = class.parse().ok().filter(|class| (1..6).contains(class))?;
        return Some(class * 100..=class * 100 + 99);
    }
    match text.split_once('-') {
        Some((from, to)) => {
            let range = code(from)?..=code(to)?;
            (!range.is_empty()).then_some(range)
        }
        None => code(text).map(|code| code..=code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn codes_ranges_and_classes_are_read() {
        for (written, yes, no) in [
            (json!(null), 299, 300),
            (json!([]), 204, 404),
            (json!("2xx"), 200, 199),
            (json!(404), 404, 200),
            (json!([200, "404", "500-503"]), 502, 504),
            (json!("200-299, 404"), 404, 403),
            (json!(["3xx"]), 302, 200),
        ] {
            let success = Success::read(&json!({"successStatusCodes": written})).unwrap();
            assert!(success.counts(yes) && !success.counts(no), "{written}");
        }
        assert!(
            Success::read(&json!({"successStatusCodes": "3xx"}))
                .unwrap()
                .names_redirects()
        );
        assert!(
            !Success::read(&json!({"successStatusCodes": "2xx"}))
                .unwrap()
                .names_redirects()
        );
    }

    #[test]
    fn what_is_no_code_is_refused() {
        for written in [
            json!("ok"),
            json!(42),
            json!("299-200"),
            json!("9xx"),
            json!([{}]),
            json!(true),
            json!("200-"),
        ] {
            assert!(
                Success::read(&json!({"successStatusCodes": written})).is_err(),
                "{written}"
            );
        }
    }
}
