//! Who may call a webhook: five schemes, each as its senders sign, and everything that is nearly right.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail"
)]

mod cases;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flow::trigger::webhook::{Auth, Request, Verified, Webhook, to_seal};
use flow::{ResumeSecret, SealKey};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

const NOW: i64 = 1_700_000_000;
const BODY: &[u8] = b"{\"id\": 7, \"text\": \"caf\xc3\xa9\"}";
const KEY: &str = "It's a Secret to Everybody";
const OLD: &str = "the one before";
const WHSEC: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const WHSEC_OLD: &str = "whsec_b2xkIG9sZCBvbGQgb2xkIG9sZCBvbGQ=";

fn code(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn github(key: &str, body: &[u8]) -> String {
    format!("sha256={}", hex(&code(key.as_bytes(), body)))
}

fn standard(key: &str, id: &str, timestamp: &str, body: &[u8]) -> String {
    let key = STANDARD.decode(key.trim_start_matches("whsec_")).unwrap();
    let text = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat();
    format!("v1,{}", STANDARD.encode(code(&key, &text)))
}

fn slack(key: &str, timestamp: &str, body: &[u8]) -> String {
    let text = [b"v0:", timestamp.as_bytes(), b":", body].concat();
    format!("v0={}", hex(&code(key.as_bytes(), &text)))
}

fn basic(pair: &str) -> String {
    format!("Basic {}", STANDARD.encode(pair))
}

/// As the daemon reads it: sealed when it was saved, opened when it is called.
fn auth(config: &Value) -> Auth {
    let secret = ResumeSecret::from_hex(&"5e".repeat(32)).unwrap();
    let key = SealKey::new(&secret, uuid::Uuid::from_u128(1));
    let mut trigger = json!({"path": "x", "auth": config});
    let (sealings, _) = to_seal(&trigger, &json!([]), &key);
    for sealing in sealings {
        *trigger
            .pointer_mut(&format!("/{}", sealing.path.join("/")))
            .unwrap() = json!(sealing.text);
    }
    let text = trigger.to_string();
    assert!(!text.contains(KEY) && !text.contains("MfKQ9r8"), "{text}");
    Webhook::from_config(&trigger, Some(&key)).unwrap().auth
}

fn call(auth: &Auth, headers: &[(&str, String)], body: &[u8]) -> Option<Verified> {
    let header = |name: &str| {
        let found = headers.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.as_bytes())
    };
    auth.verify(&Request {
        header: &header,
        body,
        now: NOW,
    })
}

fn webhook(id: &str, at: &str, codes: &str) -> Vec<(&'static str, String)> {
    vec![
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", at.to_owned()),
        ("webhook-signature", codes.to_owned()),
    ]
}

fn scheme(name: &str) -> Auth {
    auth(&match name {
        "none" => json!({"type": "none"}),
        "token" => json!({"type": "token", "token": KEY}),
        "own header" => json!({"type": "token", "header": "X-Token", "token": KEY}),
        "basic" => json!({"type": "basic", "username": "ada", "password": KEY}),
        "hmac" => {
            json!({"type": "hmac", "secret": KEY, "previousSecret": OLD, "idHeader": "X-GitHub-Delivery"})
        }
        "timed" => json!({"type": "hmac", "secret": KEY, "header": "X-Code", "prefix": "v0=",
                          "timestamp_header": "X-At", "signed": "v0:{timestamp}:{body}"}),
        _ => json!({"type": "standard-webhooks", "secret": WHSEC, "previous_secret": WHSEC_OLD}),
    })
}

#[test]
fn each_scheme_takes_what_is_signed_right_and_nothing_that_is_nearly_right() {
    let cases = cases::all();
    assert!(cases.len() >= 60, "{}", cases.len());
    for case in cases {
        let allowed = call(&scheme(case.scheme), &case.headers, &case.body).is_some();
        assert_eq!(allowed, case.allowed, "{}: {}", case.scheme, case.what);
    }
}

#[test]
fn published_examples_are_taken() {
    let known = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    let headers = [
        ("x-hub-signature-256", known.to_owned()),
        ("x-github-delivery", "7".to_owned()),
    ];
    let verified = call(&scheme("hmac"), &headers, b"Hello, World!");
    assert_eq!(verified.unwrap().id.as_deref(), Some("id:7"));
    let known = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    let body = br#"{"test": 2432232314}"#;
    assert_eq!(
        standard(WHSEC, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body),
        known
    );
}

#[test]
fn what_is_known_by_an_id_is_known_by_it_and_else_by_its_code() {
    let id = |auth: &Auth, headers: &[(&str, String)]| call(auth, headers, BODY).unwrap().id;
    let now = NOW.to_string();
    let by_id = webhook("msg_1", &now, &standard(WHSEC, "msg_1", &now, BODY));
    assert_eq!(id(&scheme("standard"), &by_id).as_deref(), Some("id:msg_1"));
    let signed = [("x-hub-signature-256", github(KEY, BODY))];
    let by_code = id(&scheme("hmac"), &signed).unwrap();
    assert!(by_code.starts_with("code:"), "{by_code}");
    let meta = auth(&json!({"type": "hmac", "secret": KEY, "deduplicate": false}));
    assert_eq!(id(&meta, &signed), None);
    let long = vec![signed[0].clone(), ("x-github-delivery", "x".repeat(5_000))];
    assert!(id(&scheme("hmac"), &long).unwrap().len() < 60);
    let open = Verified { id: None };
    assert_eq!(open.clone().or_by_header(Some(b"a")).id.as_deref(), Some("key:a"));
    assert_eq!(open.clone().or_by_header(Some(b"")).id, None);
    let signed = Verified {
        id: Some("id:1".to_owned()),
    };
    assert_eq!(signed.or_by_header(Some(b"a")).id.as_deref(), Some("id:1"));
}

#[test]
fn razorpay_and_base64_senders_are_settings() {
    let razorpay = auth(
        &json!({"type": "hmac", "secret": KEY, "header": "X-Razorpay-Signature",
                                "id_header": "x-razorpay-event-id"}),
    );
    let headers = [
        ("x-razorpay-signature", hex(&code(KEY.as_bytes(), BODY))),
        ("x-razorpay-event-id", "evt_1".to_owned()),
    ];
    assert_eq!(
        call(&razorpay, &headers, BODY).unwrap().id.as_deref(),
        Some("id:evt_1")
    );
    let shop = auth(&json!({"type": "hmac", "secret": KEY, "header": "X-Shop", "encoding": "base64"}));
    let headers = [("x-shop", STANDARD.encode(code(KEY.as_bytes(), BODY)))];
    assert!(call(&shop, &headers, BODY).is_some());
}

#[test]
fn metas_question_is_answered_when_it_knows_the_word() {
    let meta = auth(&json!({"type": "hmac", "secret": KEY, "verifyToken": "open sesame"}));
    let ask = |pairs: &[(&str, &str)]| {
        let query = |name: &str| {
            pairs
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
        };
        meta.challenged(&query)
    };
    let right = [
        ("hub.mode", "subscribe"),
        ("hub.verify_token", "open sesame"),
        ("hub.challenge", "1158201444"),
    ];
    assert_eq!(ask(&right), Some(Some("1158201444".to_owned())));
    for at in 0..2 {
        let mut wrong = right;
        wrong[at].1 = "x";
        assert_eq!(ask(&wrong), Some(None));
    }
    assert_eq!(ask(&[]), None);
    assert_eq!(scheme("hmac").challenged(&|_| Some("subscribe".to_owned())), None);
}

#[test]
fn a_secret_that_does_not_open_lets_nobody_in() {
    let other = SealKey::new(
        &ResumeSecret::from_hex(&"77".repeat(32)).unwrap(),
        uuid::Uuid::from_u128(1),
    );
    for config in [
        json!({"type": "token", "token": KEY}),
        json!({"type": "hmac", "secret": KEY}),
        json!({"type": "standard-webhooks", "secret": WHSEC}),
    ] {
        let mut trigger = json!({"path": "x", "auth": config});
        for sealing in to_seal(&trigger, &json!([]), &other).0 {
            *trigger
                .pointer_mut(&format!("/{}", sealing.path.join("/")))
                .unwrap() = json!(sealing.text);
        }
        let auth = Webhook::from_config(&trigger, None).unwrap().auth;
        let now = NOW.to_string();
        for headers in [
            vec![("authorization", format!("Bearer {KEY}"))],
            vec![("x-hub-signature-256", github(KEY, BODY))],
            vec![(
                "x-hub-signature-256",
                format!("sha256={}", hex(&code(&[0; 32], BODY))),
            )],
            webhook("m", &now, &standard(WHSEC, "m", &now, BODY)),
        ] {
            assert_eq!(call(&auth, &headers, BODY), None);
            assert_eq!(call(&Auth::nobody(), &headers, BODY), None);
        }
    }
}
