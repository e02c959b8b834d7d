//! Resume tokens: what is signed is read again, and nothing else ever is.

#![allow(clippy::unwrap_used, reason = "helpers of tests may fail")]

use flow::{ResumeSecret, ResumeToken, TokenError, TokenKind};
use proptest::prelude::*;
use uuid::Uuid;

fn secret(digit: &str) -> ResumeSecret {
    ResumeSecret::from_hex(&digit.repeat(64)).unwrap()
}

fn token(kind: TokenKind) -> ResumeToken {
    ResumeToken {
        kind,
        execution: "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap(),
        step: "c2b7f5a6-3a9a-5f5c-9a9b-1d2c3b4a5f60".parse().unwrap(),
    }
}

#[test]
fn a_token_is_read_as_it_was_signed_and_fits_a_link() {
    for kind in [TokenKind::Wait, TokenKind::Approval] {
        let text = token(kind).sign(&secret("a"));
        assert_eq!(ResumeToken::verify(&text, &secret("a")), Ok(token(kind)));
        assert_eq!(text.len(), 66);
        assert!(
            text.bytes()
                .all(|c| c.is_ascii_alphanumeric() || b"-_".contains(&c))
        );
        assert_eq!(
            text,
            token(kind).sign(&secret("A")),
            "the same each time, hexadecimal in either case"
        );
    }
}

#[test]
fn the_text_of_a_token_stays_what_it_is_because_links_in_mails_outlive_a_daemon() {
    let known = "dwGJCl2slndLvM6zAgmagFfCt_WmOppfXJqbHSw7Sl9g";
    let text = token(TokenKind::Wait).sign(&secret("0"));
    assert_eq!(text, format!("{known}{}", &text[known.len()..]));
    assert_eq!(&text[known.len()..], KNOWN_CODE);
}

/// The last 22 characters, by another implementation (Python's `hmac` and `base64`).
const KNOWN_CODE: &str = "GUQHzhirEjOgkWTRVQa5Mw";

#[test]
fn every_bit_of_a_token_counts() {
    let text = token(TokenKind::Approval).sign(&secret("b"));
    for at in 0..text.len() {
        for bit in 0..7 {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            let flipped = String::from_utf8(bytes).unwrap();
            assert_eq!(
                ResumeToken::verify(&flipped, &secret("b")),
                Err(TokenError::Invalid),
                "{flipped}"
            );
        }
    }
}

#[test]
fn another_secret_another_length_and_a_forged_code_are_refused_alike() {
    let text = token(TokenKind::Wait).sign(&secret("c"));
    let zeros = format!("{}{}", &text[..44], "A".repeat(22));
    let other = token(TokenKind::Approval).sign(&secret("c"));
    let swapped = format!("{}{}", &other[..44], &text[44..]);
    let texts = [
        String::new(),
        text[..65].to_owned(),
        format!("{text}A"),
        format!("{text}="),
        format!(" {}", &text[1..]),
        format!("{}=", &text[..65]),
        text.replace(|_: char| true, "A"),
        "é".repeat(33),
        "\u{0}".repeat(66),
        text.repeat(10_000),
        zeros,
        swapped,
        text.to_uppercase(),
    ];
    for text in texts {
        assert_eq!(ResumeToken::verify(&text, &secret("c")), Err(TokenError::Invalid));
    }
    assert_eq!(ResumeToken::verify(&text, &secret("d")), Err(TokenError::Invalid));
    assert_eq!(TokenError::Invalid.to_string(), "this token is not valid");
}

#[test]
fn a_secret_is_32_bytes_in_hexadecimal_and_never_printed() {
    for wrong in [
        "",
        "00",
        &"0".repeat(63),
        &"0".repeat(65),
        &"0".repeat(66),
        &"g".repeat(64),
        &"é".repeat(32),
        &"+1".repeat(32),
    ] {
        assert_eq!(
            ResumeSecret::from_hex(wrong).unwrap_err(),
            TokenError::Secret,
            "{wrong}"
        );
    }
    assert!(ResumeSecret::from_hex(&format!("{}\n", "0".repeat(64))).is_ok());
    assert_eq!(format!("{:?}", secret("7")), "ResumeSecret(..)");
}

proptest! {
    #[test]
    fn no_text_makes_it_panic_and_none_is_believed(text in ".{0,100}", exact in "[A-Za-z0-9_-]{66}") {
        prop_assert!(ResumeToken::verify(&text, &secret("e")).is_err());
        prop_assert!(ResumeToken::verify(&exact, &secret("e")).is_err());
    }

    #[test]
    fn any_ids_are_read_as_they_were_signed(execution: u128, step: u128, approval: bool) {
        let kind = if approval { TokenKind::Approval } else { TokenKind::Wait };
        let token = ResumeToken { kind, execution: Uuid::from_u128(execution), step: Uuid::from_u128(step) };
        prop_assert_eq!(ResumeToken::verify(&token.sign(&secret("f")), &secret("f")), Ok(token));
    }
}
