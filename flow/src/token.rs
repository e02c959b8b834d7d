//! The token that resumes a waiting step: it names execution and step, and only who knows the secret can make one.
//! That it works once is the database's business; this is its text.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use thiserror::Error;
use uuid::Uuid;

/// One byte for the kind and two ids.
const NAMED: usize = 1 + 16 + 16;
/// Bytes of the code that are kept: 128 bits cannot be guessed, and a link stays short enough for an SMS.
const CODE: usize = 16;
/// Length of the text: 49 bytes in base64 without padding.
const TEXT: usize = (NAMED + CODE).div_ceil(3) * 4 - 2;

/// What a token resumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// A `logic-wait` for resume.
    Wait,
    /// A `logic-approval`, which takes an outcome.
    Approval,
}

/// The step that may be resumed: `step` is its idempotency key.
///
/// Its text is base64url of the kind, the two ids and the first half of their HMAC-SHA256.
///
/// ```
/// use flow::{ResumeSecret, ResumeToken, TokenKind};
///
/// let secret = ResumeSecret::from_hex(&"5e".repeat(32))?;
/// let token = ResumeToken { kind: TokenKind::Wait, execution: uuid::Uuid::max(), step: uuid::Uuid::nil() };
/// let text = token.sign(&secret);
/// assert_eq!(ResumeToken::verify(&text, &secret)?, token);
/// # Ok::<(), flow::TokenError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ResumeToken {
    /// What waits.
    pub kind: TokenKind,
    /// The execution.
    pub execution: Uuid,
    /// The idempotency key of the waiting step.
    pub step: Uuid,
}

/// What signs tokens. It shows itself to nobody.
#[derive(Clone)]
pub struct ResumeSecret([u8; 32]);

/// Why a text is no token of ours. It says no more than that: who tries tokens learns nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TokenError {
    /// Malformed, forged, or signed with another secret.
    #[error("this token is not valid")]
    Invalid,
    /// The stored secret is not 64 hexadecimal digits.
    #[error("the secret that signs tokens is not 32 bytes in hexadecimal")]
    Secret,
}

impl ResumeSecret {
    /// The secret as it is stored.
    ///
    /// # Errors
    /// If it is not 32 bytes in hexadecimal.
    pub fn from_hex(text: &str) -> Result<ResumeSecret, TokenError> {
        let digit = |byte: u8| {
            char::from(byte)
                .to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok())
        };
        let (pairs, rest) = text.trim().as_bytes().as_chunks::<2>();
        let mut secret = [0; 32];
        if pairs.len() != secret.len() || !rest.is_empty() {
            return Err(TokenError::Secret);
        }
        for (byte, &[high, low]) in secret.iter_mut().zip(pairs) {
            let (high, low) = digit(high).zip(digit(low)).ok_or(TokenError::Secret)?;
            *byte = high << 4 | low;
        }
        Ok(ResumeSecret(secret))
    }

    /// A key for something else than tokens, which says nothing about the secret.
    pub(crate) fn derived(&self, purpose: &[u8], about: &[u8]) -> [u8; 32] {
        match Hmac::<Sha256>::new_from_slice(&self.0) {
            Ok(mut key) => {
                key.update(purpose);
                key.update(about);
                key.finalize().into_bytes().into()
            }
            Err(_) => [0; 32], // HMAC takes keys of any length
        }
    }

    fn code(&self, named: &[u8]) -> Result<Hmac<Sha256>, TokenError> {
        let mut code = Hmac::<Sha256>::new_from_slice(&self.0).map_err(|_| TokenError::Secret)?;
        code.update(named);
        Ok(code)
    }
}

impl fmt::Debug for ResumeSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResumeSecret(..)")
    }
}

impl TokenKind {
    fn letter(self) -> u8 {
        match self {
            TokenKind::Wait => b'w',
            TokenKind::Approval => b'a',
        }
    }
}

impl ResumeToken {
    /// The token's text, safe in a link.
    pub fn sign(&self, secret: &ResumeSecret) -> String {
        let mut bytes = Vec::with_capacity(NAMED + CODE);
        bytes.push(self.kind.letter());
        bytes.extend_from_slice(self.execution.as_bytes());
        bytes.extend_from_slice(self.step.as_bytes());
        if let Ok(code) = secret.code(&bytes) {
            bytes.extend(code.finalize().into_bytes().into_iter().take(CODE));
        }
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a token's text. The code is compared in constant time, and before anything in the text is believed.
    ///
    /// # Errors
    /// If this secret has not signed it.
    pub fn verify(text: &str, secret: &ResumeSecret) -> Result<ResumeToken, TokenError> {
        // Longer ones are not even decoded.
        if text.len() != TEXT {
            return Err(TokenError::Invalid);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| TokenError::Invalid)?;
        let (named, code) = bytes.split_at_checked(NAMED).ok_or(TokenError::Invalid)?;
        if code.len() != CODE {
            return Err(TokenError::Invalid);
        }
        let signed = secret.code(named)?.verify_truncated_left(code);
        signed.map_err(|_| TokenError::Invalid)?;
        let (kind, ids) = named.split_first().ok_or(TokenError::Invalid)?;
        let kind = match kind {
            b'w' => TokenKind::Wait,
            b'a' => TokenKind::Approval,
            _ => return Err(TokenError::Invalid),
        };
        let (execution, step) = ids.split_at_checked(16).ok_or(TokenError::Invalid)?;
        let id = |bytes: &[u8]| Uuid::from_slice(bytes).map_err(|_| TokenError::Invalid);
        Ok(ResumeToken {
            kind,
            execution: id(execution)?,
            step: id(step)?,
        })
    }
}
