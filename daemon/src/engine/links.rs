//! Links by which waiting steps are resumed, `resume['id'].token` and `.url` in templates. Only a template that
//! mentions `resume` has any made; they are in no log.

use std::sync::Arc;
use std::time::Duration;

use flow::{ResumeSecret, ResumeToken};
use serde_json::{Map, Value, json};

use crate::backoff::Backoff;
use crate::nodes::NodeError;
use crate::queue::QueueError;
use crate::queue::error::Verdict;
use crate::signing::Signing;

/// Signs them.
pub struct Links {
    signing: Arc<Signing>,
    base: Option<String>,
}

impl Links {
    /// Links begin with `public_url`; without one there are tokens only.
    pub fn new(signing: Arc<Signing>, public_url: Option<&str>) -> Links {
        Links {
            signing,
            base: public_url.map(|url| format!("{}/resume/", url.trim_end_matches('/'))),
        }
    }

    /// `{id: {token, url}}`. Waits for a database that is away: whoever waits for this is dropped with its lease.
    pub async fn sign(&self, tokens: &[(Arc<str>, ResumeToken)]) -> Result<Value, NodeError> {
        let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(2));
        let secret = loop {
            match self.signing.secret().await {
                Ok(secret) => break secret,
                Err(error)
                    if matches!(error, QueueError::NoSecret) || error.verdict() == Verdict::Refused =>
                {
                    return Err(NodeError::new("no_secret", error.to_string()));
                }
                Err(error) => {
                    tracing::debug!(%error, "what signs tokens cannot be read yet");
                    backoff.wait().await;
                }
            }
        };
        Ok(signed(tokens, secret, self.base.as_deref()))
    }
}

fn signed(tokens: &[(Arc<str>, ResumeToken)], secret: &ResumeSecret, base: Option<&str>) -> Value {
    let links = tokens.iter().map(|(id, token)| {
        let token = token.sign(secret);
        let url = base.map(|base| format!("{base}{token}"));
        (id.to_string(), json!({ "token": token, "url": url }))
    });
    Value::Object(links.collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use flow::TokenKind;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_link_is_the_public_address_and_a_token_that_its_secret_knows() {
        let secret = ResumeSecret::from_hex(&"5e".repeat(32)).unwrap();
        let token = ResumeToken {
            kind: TokenKind::Approval,
            execution: Uuid::from_u128(1),
            step: Uuid::from_u128(2),
        };
        let links = signed(
            &[("ask".into(), token)],
            &secret,
            Some("https://a.example/x/resume/"),
        );
        let text = links["ask"]["token"].as_str().unwrap();
        assert_eq!(ResumeToken::verify(text, &secret).unwrap(), token);
        assert_eq!(links["ask"]["url"], format!("https://a.example/x/resume/{text}"));
        let bare = signed(&[("ask".into(), token)], &secret, None);
        assert_eq!(bare["ask"]["url"], Value::Null);
    }
}
