//! The page of a link, for a telephone as well as for a screen: no script, nothing that is loaded from elsewhere, and
//! everything that came from an automation is text.

use std::borrow::Cow;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use flow::TokenKind;

use crate::queue::waiting_step::WaitingStep;

/// Nothing may run, be loaded, or frame this page; its form goes back to where it came from.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const BEGIN: &str = r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>"#;

const STYLE: &str = r#"</title>
<style>
:root { color-scheme: light dark; }
body { font: 1.125rem/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 34rem; padding: 2rem 1.25rem; }
h1 { font-size: 1.375rem; line-height: 1.3; margin: 0 0 1rem; }
p { white-space: pre-wrap; overflow-wrap: anywhere; }
label { display: block; margin: 1.5rem 0 .25rem; }
textarea { box-sizing: border-box; font: inherit; min-height: 5rem; padding: .5rem; width: 100%; }
button { border: 1px solid; border-radius: .5rem; cursor: pointer; font: inherit; font-weight: 600;
         margin-top: 1rem; min-height: 3.25rem; padding: .5rem 1rem; width: 100%; }
.yes { background: #14632f; border-color: #14632f; color: #fff; }
.no { background: transparent; color: inherit; }
</style>
</head>
<body>
<main>
"#;

const END: &str = "</main>\n</body>\n</html>\n";

const DECIDE: &str = r#"<form method="post">
<label for="comment">Comment (optional)</label>
<textarea id="comment" name="comment" maxlength="10000"></textarea>
<button class="yes" name="outcome" value="approved">Approve</button>
<button class="no" name="outcome" value="rejected">Reject</button>
</form>
"#;

const GO_ON: &str = r#"<form method="post">
<button class="yes">Continue</button>
</form>
"#;

/// A page.
pub struct Page(String);

impl Page {
    /// Asks whether to go on.
    pub fn asking(kind: TokenKind, step: &WaitingStep) -> Page {
        let (usual, form) = match kind {
            TokenKind::Approval => ("Please decide", DECIDE),
            TokenKind::Wait => ("Please confirm", GO_ON),
        };
        let title = step.label.as_deref().unwrap_or(usual);
        let message = step.message.as_deref().unwrap_or(match kind {
            TokenKind::Approval => "Your decision is waited for.",
            TokenKind::Wait => "Somebody waits for you to continue.",
        });
        Page::of(title, message, form)
    }

    /// Says that it was resumed.
    pub fn done(outcome: Option<&str>) -> Page {
        let said = match outcome {
            Some("approved") => "You approved.",
            Some(_) => "You rejected.",
            None => "It goes on.",
        };
        Page::of("Thank you", said, "")
    }

    /// Says why there is nothing to do.
    pub fn saying(sentence: &str) -> Page {
        Page::of("Nothing was done", sentence, "")
    }

    fn of(title: &str, message: &str, form: &str) -> Page {
        let (title, message) = (escaped(title), escaped(message));
        Page(
            [
                BEGIN,
                &title,
                STYLE,
                "<h1>",
                &title,
                "</h1>\n<p>",
                &message,
                "</p>\n",
                form,
                END,
            ]
            .concat(),
        )
    }

    /// With this status.
    pub fn response(self, status: u16) -> Response {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (header::CONTENT_SECURITY_POLICY, POLICY),
            (header::X_FRAME_OPTIONS, "DENY"),
        ];
        (status, headers, self.0).into_response()
    }
}

/// As text of HTML, also inside quotes.
fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '<', '>', '"', '\'']) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_automation_says_is_text_and_nothing_else() {
        let step = WaitingStep {
            is_open: true,
            message: Some("</p><script>alert('x')</script>&amp;".to_owned()),
            label: Some("\"><img src=x>".to_owned()),
        };
        for kind in [TokenKind::Approval, TokenKind::Wait] {
            let page = Page::asking(kind, &step).0;
            assert!(!page.contains("<script") && !page.contains("<img"), "{page}");
            assert!(page.contains("&lt;/p&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;amp;"));
            assert!(page.contains("<title>&quot;&gt;&lt;img src=x&gt;</title>"));
            assert!(page.contains("width=device-width"));
            assert_eq!(page.contains("value=\"rejected\""), kind == TokenKind::Approval);
        }
    }
}
