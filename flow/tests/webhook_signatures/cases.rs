//! What is signed, by which scheme, and whether it may call: what is right, and everything that is nearly right.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha512;

use crate::{BODY, KEY, NOW, OLD, WHSEC, WHSEC_OLD, basic, code, github, hex, slack, standard, webhook};

/// A call of one scheme.
pub struct Case {
    pub scheme: &'static str,
    pub what: &'static str,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    pub allowed: bool,
}

/// All of them.
pub fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut case = |scheme, what, headers: Vec<(&'static str, String)>, body: &[u8], allowed| {
        cases.push(Case {
            scheme,
            what,
            headers,
            body: body.to_vec(),
            allowed,
        });
    };
    let s = str::to_owned;
    let mut bit = BODY.to_vec();
    bit[3] ^= 1;
    let reencoded = br#"{"id":7,"text":"caf\u00e9"}"#;

    // a token
    for (what, value, allowed) in [
        ("valid", format!("Bearer {KEY}"), true),
        ("another case of the word", format!("bearer {KEY}"), true),
        (
            "a bit of the token",
            format!("Bearer {}", KEY.replace("It", "Iu")),
            false,
        ),
        ("empty", s("Bearer "), false),
        ("nothing", s(""), false),
        ("no word", s(KEY), false),
        ("too long", format!("Bearer {KEY}x"), false),
        ("too short", s("Bearer It's a Secret to Everybod"), false),
        ("another scheme", format!("Basic {KEY}"), false),
        ("other letters", format!("Bearer {}", KEY.to_lowercase()), false),
    ] {
        case("token", what, vec![("authorization", value)], BODY, allowed);
    }
    case("token", "missing", vec![], BODY, false);
    case("own header", "valid", vec![("x-token", s(KEY))], BODY, true);
    case(
        "own header",
        "in another header",
        vec![("authorization", format!("Bearer {KEY}"))],
        BODY,
        false,
    );

    // name and password
    for (what, value, allowed) in [
        ("valid", basic(&format!("ada:{KEY}")), true),
        (
            "another case of the word",
            basic(&format!("ada:{KEY}")).replace("Basic", "BASIC"),
            true,
        ),
        ("another name", basic(&format!("bob:{KEY}")), false),
        ("no name", basic(&format!(":{KEY}")), false),
        ("no password", basic("ada:"), false),
        ("no colon", basic("ada"), false),
        ("a letter of the password", basic(&format!("ada:{KEY}!")), false),
        ("not base64", s("Basic ada:secret"), false),
        ("nothing", s(""), false),
        ("as a token", format!("Bearer {KEY}"), false),
    ] {
        case("basic", what, vec![("authorization", value)], BODY, allowed);
    }
    case("basic", "missing", vec![], BODY, false);

    // GitHub: two secrets
    let valid = github(KEY, BODY);
    let sign = |value: String| vec![("x-hub-signature-256", value), ("x-github-delivery", s("d-1"))];
    for (what, value, body, allowed) in [
        ("valid", valid.clone(), BODY, true),
        ("the secret before", github(OLD, BODY), BODY, true),
        (
            "capital letters",
            valid.to_uppercase().replace("SHA256", "sha256"),
            BODY,
            true,
        ),
        ("a bit of the body", valid.clone(), bit.as_slice(), false),
        ("encoded again", valid.clone(), reencoded, false),
        ("an empty body", valid.clone(), b"", false),
        (
            "a bit of the code",
            github("It's a Secret to Nobody", BODY),
            BODY,
            false,
        ),
        ("empty", s(""), BODY, false),
        ("the prefix alone", s("sha256="), BODY, false),
        ("no prefix", valid.replace("sha256=", ""), BODY, false),
        ("another prefix", valid.replace("sha256", "sha1"), BODY, false),
        ("too short", valid[..valid.len() - 2].to_owned(), BODY, false),
        ("an odd length", valid[..valid.len() - 1].to_owned(), BODY, false),
        ("too long", format!("{valid}00"), BODY, false),
        ("no hexadecimal", valid.replace(&valid[10..11], "g"), BODY, false),
        ("of an empty key", github("", BODY), BODY, false),
        ("a space before", format!(" {valid}"), BODY, false),
    ] {
        case("hmac", what, sign(value), body, allowed);
    }
    case("hmac", "missing", vec![], BODY, false);
    case(
        "hmac",
        "by sha512",
        {
            let mut mac = Hmac::<Sha512>::new_from_slice(KEY.as_bytes()).unwrap();
            mac.update(BODY);
            sign(format!("sha256={}", hex(&mac.finalize().into_bytes())))
        },
        BODY,
        false,
    );

    // as Slack signs: with a time
    for (what, offset, allowed) in [
        ("now", 0, true),
        ("299 s old", -299, true),
        ("300 s old", -300, true),
        ("301 s old", -301, false),
        ("299 s ahead", 299, true),
        ("301 s ahead", 301, false),
    ] {
        let at = (NOW + offset).to_string();
        case(
            "timed",
            what,
            vec![("x-at", at.clone()), ("x-code", slack(KEY, &at, BODY))],
            BODY,
            allowed,
        );
        case(
            "standard",
            what,
            webhook("msg_1", &at, &standard(WHSEC, "msg_1", &at, BODY)),
            BODY,
            allowed,
        );
    }
    let old = (NOW - 9_999).to_string();
    let now = NOW.to_string();
    case(
        "timed",
        "a new time for an old code",
        vec![("x-at", now.clone()), ("x-code", slack(KEY, &old, BODY))],
        BODY,
        false,
    );
    case(
        "timed",
        "no time",
        vec![("x-code", slack(KEY, "", BODY))],
        BODY,
        false,
    );
    case(
        "timed",
        "a time that is none",
        vec![("x-at", s("soon")), ("x-code", slack(KEY, "soon", BODY))],
        BODY,
        false,
    );
    case(
        "timed",
        "a huge time",
        vec![
            ("x-at", "9".repeat(30)),
            ("x-code", slack(KEY, &"9".repeat(30), BODY)),
        ],
        BODY,
        false,
    );
    case(
        "timed",
        "a negative time",
        vec![("x-at", s("-5")), ("x-code", slack(KEY, "-5", BODY))],
        BODY,
        false,
    );

    // standard-webhooks
    let valid = standard(WHSEC, "msg_1", &now, BODY);
    let other = standard("whsec_bm90IHRoaXMgb25l", "msg_1", &now, BODY);
    for (what, id, at, codes, body, allowed) in [
        ("valid", "msg_1", now.clone(), valid.clone(), BODY, true),
        (
            "the second of two codes",
            "msg_1",
            now.clone(),
            format!("{other} {valid}"),
            BODY,
            true,
        ),
        (
            "the secret before",
            "msg_1",
            now.clone(),
            standard(WHSEC_OLD, "msg_1", &now, BODY),
            BODY,
            true,
        ),
        ("another id", "msg_2", now.clone(), valid.clone(), BODY, false),
        (
            "no id",
            "",
            now.clone(),
            standard(WHSEC, "", &now, BODY),
            BODY,
            false,
        ),
        (
            "an id with a dot",
            "a.1",
            now.clone(),
            standard(WHSEC, "a.1", &now, BODY),
            BODY,
            false,
        ),
        (
            "another time",
            "msg_1",
            (NOW + 1).to_string(),
            valid.clone(),
            BODY,
            false,
        ),
        (
            "no time",
            "msg_1",
            s(""),
            standard(WHSEC, "msg_1", "", BODY),
            BODY,
            false,
        ),
        (
            "a bit of the body",
            "msg_1",
            now.clone(),
            valid.clone(),
            &bit,
            false,
        ),
        (
            "encoded again",
            "msg_1",
            now.clone(),
            valid.clone(),
            reencoded,
            false,
        ),
        ("of another key", "msg_1", now.clone(), other.clone(), BODY, false),
        (
            "another version",
            "msg_1",
            now.clone(),
            valid.replace("v1,", "v2,"),
            BODY,
            false,
        ),
        (
            "no version",
            "msg_1",
            now.clone(),
            valid.replace("v1,", ""),
            BODY,
            false,
        ),
        (
            "too short",
            "msg_1",
            now.clone(),
            valid[..valid.len() - 4].to_owned(),
            BODY,
            false,
        ),
        (
            "hexadecimal",
            "msg_1",
            now.clone(),
            format!("v1,{}", hex(&code(b"k", BODY))),
            BODY,
            false,
        ),
        (
            "other letters",
            "msg_1",
            now.clone(),
            valid.to_lowercase(),
            BODY,
            false,
        ),
        ("empty", "msg_1", now.clone(), s(""), BODY, false),
        (
            "behind ten others",
            "msg_1",
            now.clone(),
            format!("{} {valid}", [other.as_str(); 10].join(" ")),
            BODY,
            false,
        ),
    ] {
        case("standard", what, webhook(id, &at, &codes), body, allowed);
    }
    case("standard", "missing", vec![], BODY, false);
    case("none", "anything", vec![], BODY, true);
    cases
}
