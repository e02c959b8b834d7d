//! API keys: `auto_<environment>_<id>_<secret><check>`. The id finds the key, of the secret only a hash is stored, and
//! the check finds typing mistakes before anybody is asked.

use std::fmt;

use sha2::{Digest, Sha256};

/// Bytes of an id, and how many digits they have.
pub const ID_BYTES: usize = 8;
const ID: usize = 11;
/// Bytes of a secret, and how many digits they have.
pub const SECRET_BYTES: usize = 32;
const SECRET: usize = 44;
/// Digits of the check.
const CHECK: usize = 6;

/// Digits that nobody mistakes for each other.
const DIGITS: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// A well-formed key. It shows its secret to nobody; [`ApiKey::reveal`] is for the moment when it is made.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    text: String,
    environment: usize,
}

impl ApiKey {
    /// Makes a key of random bytes. `environment` is a short word in lower case, such as `live`.
    ///
    /// ```
    /// let key = flow::ApiKey::make("live", &[7; 8], &[9; 32]).unwrap();
    /// assert_eq!(flow::ApiKey::parse(key.reveal()), Some(key.clone()));
    /// assert_eq!(key.prefix(), format!("auto_live_{}", key.id()));
    /// ```
    pub fn make(environment: &str, id: &[u8; ID_BYTES], secret: &[u8; SECRET_BYTES]) -> Option<ApiKey> {
        is_environment(environment).then_some(())?;
        let mut text = format!("auto_{environment}_{}_{}", base58(id, ID), base58(secret, SECRET));
        text.push_str(&check(&text));
        Some(ApiKey {
            text,
            environment: environment.len(),
        })
    }

    /// Reads a key; none where it is not one, or was copied wrongly.
    pub fn parse(text: &str) -> Option<ApiKey> {
        let rest = text.strip_prefix("auto_")?;
        let (environment, rest) = rest.split_once('_')?;
        let (id, secret) = rest.split_once('_')?;
        let digits = |part: &str| part.bytes().all(|digit| DIGITS.contains(&digit));
        let formed = is_environment(environment)
            && id.len() == ID
            && secret.len() == SECRET + CHECK
            && digits(id)
            && digits(secret);
        let (said, given) = text.split_at_checked(text.len().checked_sub(CHECK)?)?;
        (formed && check(said) == given).then(|| ApiKey {
            text: text.to_owned(),
            environment: environment.len(),
        })
    }

    /// What the key is found by.
    pub fn id(&self) -> &str {
        let begin = "auto_".len() + self.environment + 1;
        self.text.get(begin..begin + ID).unwrap_or_default()
    }

    /// What may be shown of it.
    pub fn prefix(&self) -> &str {
        self.text
            .get(.."auto_".len() + self.environment + 1 + ID)
            .unwrap_or_default()
    }

    /// The whole key.
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// What is stored of it. A fast hash is right: 256 random bits are not guessed, and a slow one would let anybody
    /// who sends wrong keys keep the machine busy.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.text.as_bytes()).into()
    }

    /// Whether this is the key with that hash; takes as long whatever the answer is.
    pub fn matches(&self, hash: &[u8]) -> bool {
        let own = self.hash();
        let differing = own
            .iter()
            .zip(hash)
            .fold(0_u8, |differing, (own, stored)| differing | (own ^ stored));
        std::hint::black_box(differing) == 0 && hash.len() == own.len()
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({}...)", self.prefix())
    }
}

fn is_environment(text: &str) -> bool {
    (1..=16).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
}

/// The bytes as one number of so many digits, however small it is.
fn base58(bytes: &[u8], digits: usize) -> String {
    let mut number = bytes.to_vec();
    let mut out = vec![DIGITS[0]; digits];
    for digit in out.iter_mut().rev() {
        let mut rest = 0_u32;
        for byte in &mut number {
            let value = rest * 256 + u32::from(*byte);
            *byte = u8::try_from(value / 58).unwrap_or_default();
            rest = value % 58;
        }
        *digit = DIGITS.get(rest as usize).copied().unwrap_or(DIGITS[0]);
    }
    String::from_utf8(out).unwrap_or_default()
}

/// CRC-32 of what stands before it.
fn check(text: &str) -> String {
    let mut crc = !0_u32;
    for byte in text.bytes() {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            let low = crc & 1;
            crc = (crc >> 1) ^ (0xEDB8_8320 * low);
        }
    }
    base58(&(!crc).to_be_bytes(), CHECK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_is_the_crc_32_that_everybody_computes() {
        assert_eq!(check("123456789"), base58(&0xCBF4_3926_u32.to_be_bytes(), CHECK));
    }

    #[test]
    fn every_key_reads_back_and_none_with_a_changed_letter_does() {
        for seed in 0..=255_u8 {
            let key = ApiKey::make("live", &[seed; ID_BYTES], &[!seed; SECRET_BYTES]).unwrap();
            assert_eq!(ApiKey::parse(key.reveal()), Some(key.clone()));
            let text = key.reveal();
            let at = 10 + usize::from(seed) % (text.len() - 10);
            let other = if text.as_bytes()[at] == b'z' { "y" } else { "z" };
            let mut changed = text.to_owned();
            changed.replace_range(at..=at, other);
            assert_eq!(ApiKey::parse(&changed), None, "{changed}");
        }
    }

    #[test]
    fn what_is_no_key_is_none_and_no_panic() {
        let key = ApiKey::make("live", &[1; ID_BYTES], &[2; SECRET_BYTES]).unwrap();
        let text = key.reveal();
        let cases = [
            String::new(),
            "auto".to_owned(),
            "auto_".to_owned(),
            "auto__".to_owned(),
            "auto___".to_owned(),
            "ütf_8".to_owned(),
            format!("{text} "),
            format!(" {text}"),
            text.replace("live", "LIVE"),
            text.replace("live", ""),
            text.replace("auto", "Auto"),
            text[..text.len() - 1].to_owned(),
            format!("{text}1"),
            text.replace('_', "-"),
            format!("auto_live_{}_{}", "é".repeat(5), "1".repeat(50)),
            "x".repeat(100_000),
        ];
        for case in cases {
            assert_eq!(ApiKey::parse(&case), None, "{case:.80}");
        }
    }

    #[test]
    fn only_the_whole_hash_matches_and_debug_hides_the_secret() {
        let key = ApiKey::make("live", &[1; ID_BYTES], &[2; SECRET_BYTES]).unwrap();
        let hash = key.hash();
        assert!(key.matches(&hash));
        assert!(!key.matches(&hash[..31]));
        assert!(!key.matches(&[]));
        assert!(!key.matches(&[0; 32]));
        assert!(!format!("{key:?}").contains(&key.reveal()[24..]));
    }
}
