//! Secrets that have to stand in rows which every member of an account reads, such as that of a webhook: their text is
//! sealed with a key that only the owner of the tables and the daemon can make, and it opens in its own account only.
//! Why in place: docs/decisions/webhook_secrets.md.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use crypto_secretbox::aead::{Aead, KeyInit as _};
use crypto_secretbox::{Key, Nonce, XSalsa20Poly1305};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;

use crate::ResumeSecret;

/// What a sealed text begins with; the number is that of its form.
const PREFIX: &str = "sealed:1:";
const NONCE: usize = 24;
const SALT: usize = 16;

/// Opens and seals the secrets of one account.
#[derive(Clone)]
pub struct SealKey([u8; 32]);

/// A secret, as much of it as is kept.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// Its bytes: what signs has to know them.
    Plain(Vec<u8>),
    /// Salt and code, enough to recognise it: what is only compared is not kept.
    Hashed([u8; SALT], [u8; 32]),
    /// Sealed with another key, or for another account: nothing is equal to it.
    Closed,
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey(..)")
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl SealKey {
    /// The key of an account, from the secret of the database.
    pub fn new(secret: &ResumeSecret, account: Uuid) -> SealKey {
        SealKey(secret.derived(b"sealed secrets 1", account.as_bytes()))
    }

    /// The sealed text. The same secret gives the same text, so that saving it again changes nothing; the nonce is a
    /// code over what is sealed, so that two secrets never share one.
    pub fn seal(&self, secret: &Secret) -> Option<String> {
        let plain = match secret {
            Secret::Plain(bytes) => [b"s", bytes.as_slice()].concat(),
            Secret::Hashed(salt, code) => [b"h", salt.as_slice(), code].concat(),
            Secret::Closed => return None,
        };
        let code = code(&self.0, &[b"nonce", &plain]);
        let nonce = code.get(..NONCE)?;
        let sealed = self.cipher().encrypt(Nonce::from_slice(nonce), plain.as_slice());
        let text = URL_SAFE_NO_PAD.encode([nonce, &sealed.ok()?].concat());
        Some([PREFIX, &text].concat())
    }

    /// Keeps of a secret what recognises it.
    pub fn hashed(&self, secret: &[u8]) -> Secret {
        let mut salt = [0; SALT];
        let made = code(&self.0, &[b"salt", secret]);
        for (to, from) in salt.iter_mut().zip(made) {
            *to = from;
        }
        Secret::Hashed(salt, code(&salt, &[secret]))
    }

    fn open(&self, text: &str) -> Option<Secret> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE)?;
        let plain = self.cipher().decrypt(Nonce::from_slice(nonce), sealed).ok()?;
        match plain.split_first()? {
            (b's', secret) => Some(Secret::Plain(secret.to_vec())),
            (b'h', kept) => {
                let (salt, code) = kept.split_at_checked(SALT)?;
                Some(Secret::Hashed(salt.try_into().ok()?, code.try_into().ok()?))
            }
            _ => None,
        }
    }

    fn cipher(&self) -> XSalsa20Poly1305 {
        XSalsa20Poly1305::new(Key::from_slice(&self.0))
    }
}

impl Secret {
    /// Whether a text is sealed already.
    pub fn is_sealed(text: &str) -> bool {
        text.starts_with(PREFIX)
    }

    /// Reads a text: as it stands, or opened where it is sealed. Without a key nothing opens.
    pub fn read(text: &str, key: Option<&SealKey>) -> Secret {
        match text.strip_prefix(PREFIX) {
            None => Secret::Plain(text.as_bytes().to_vec()),
            Some(sealed) => key.and_then(|key| key.open(sealed)).unwrap_or(Secret::Closed),
        }
    }

    /// Whether it is this one, in a time that tells nothing about it.
    pub fn is(&self, given: &[u8]) -> bool {
        match self {
            Secret::Plain(bytes) => same(&code(&[0; SALT], &[bytes]), &code(&[0; SALT], &[given])),
            Secret::Hashed(salt, kept) => same(kept, &code(salt, &[given])),
            Secret::Closed => {
                same(&[0; 32], &code(&[0; SALT], &[given]));
                false
            }
        }
    }
}

fn code(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let Ok(mut code) = Hmac::<Sha256>::new_from_slice(key) else {
        return [0; 32]; // HMAC takes keys of any length
    };
    for part in parts {
        code.update(part);
    }
    code.finalize().into_bytes().into()
}

/// In constant time.
fn same(one: &[u8; 32], other: &[u8; 32]) -> bool {
    one.iter()
        .zip(other)
        .fold(0, |found, (a, b)| std::hint::black_box(found | (a ^ b)))
        == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(account: u128) -> SealKey {
        let secret = ResumeSecret::from_hex(&"5e".repeat(32)).unwrap_or_else(|_| unreachable!());
        SealKey::new(&secret, Uuid::from_u128(account))
    }

    #[test]
    fn a_secret_opens_in_its_own_account_and_nowhere_else() {
        let plain = Secret::Plain(b"whsec".to_vec());
        for secret in [plain, key(1).hashed(b"whsec")] {
            let text = key(1).seal(&secret).unwrap_or_default();
            assert!(Secret::is_sealed(&text) && !text.contains("whsec"));
            assert_eq!(Secret::read(&text, Some(&key(1))), secret);
            assert!(secret.is(b"whsec") && !secret.is(b"whsed") && !secret.is(b""));
            for closed in [
                Secret::read(&text, Some(&key(2))),
                Secret::read(&text, None),
                Secret::read(&text[..text.len() - 2], Some(&key(1))),
                Secret::read("sealed:1:", Some(&key(1))),
            ] {
                assert_eq!(closed, Secret::Closed);
                assert!(!closed.is(b"whsec") && !closed.is(b""));
            }
        }
    }

    #[test]
    fn the_same_secret_gives_the_same_text_and_another_another() {
        let sealed = |account, text: &str| key(account).seal(&Secret::Plain(text.into())).unwrap_or_default();
        assert_eq!(sealed(1, "a"), sealed(1, "a"));
        assert_ne!(sealed(1, "a"), sealed(1, "b"));
        assert_ne!(sealed(1, "a"), sealed(2, "a"));
    }
}
