//! What the parser never gets to see: length, depth, and what just fits.

use serde_json::{Value, json};

use crate::{refused, run};

#[test]
fn long_flat_chains_are_refused_before_the_parser_sees_them() {
    for links in [201, 2_000, 20_000, 100_000] {
        for (first, link, last) in [
            ("{{ 1", "+1", " }}"),
            ("{{ 1", "-1", " }}"),
            ("{{ a", ".b", " }}"),
            ("{{ a", "[0]", " }}"),
            ("{{ x", "~x", " }}"),
            ("{{ x", "|upper", " }}"),
            ("{{ x", " and x", " }}"),
            ("{{ x", " or x", " }}"),
            ("{{ x", " < x", " }}"),
            ("{{ x", " if x else x", " }}"),
            ("{{ x", " is x", " }}"),
            ("{{ ", "not ", "x }}"),
            ("{{ ", "-", "1 }}"),
            ("{{ x", "()", " }}"),
            ("{{ x", "**2", " }}"),
            ("{% if a %}", "{% elif a %}", "{% endif %}"),
            ("{% if ", "a and ", "a %}{% endif %}"),
            ("{% for x in ", "a~", "a %}{% endfor %}"),
            ("{{ x | f.", "g.", "h }}"),
        ] {
            refused(&format!("{first}{}{last}", link.repeat(links)));
        }
    }
}

#[test]
fn deep_nesting_is_refused() {
    for depth in [33, 200, 2_000, 20_000] {
        for (open, close) in [
            ("(", ")"),
            ("[", "]"),
            ("{1:", "}"),
            ("-(", ")"),
            ("not (", ")"),
            ("range(", ")"),
        ] {
            refused(&format!(
                "{{{{ {}1{} }}}}",
                open.repeat(depth),
                close.repeat(depth)
            ));
            refused(&format!("{{{{ {}", open.repeat(depth)));
        }
        refused(&format!(
            "{}{}",
            "{% if a %}".repeat(depth),
            "{% endif %}".repeat(depth)
        ));
        refused(&format!(
            "{}{}",
            "{% for a in b %}".repeat(depth),
            "{% endfor %}".repeat(depth)
        ));
        refused(&format!(
            "{{% for {}a{} in b %}}{{% endfor %}}",
            "(".repeat(depth),
            ")".repeat(depth)
        ));
        refused(&format!(
            "{{{{ {}a{} }}}}",
            "a if ".repeat(depth),
            " else b".repeat(depth)
        ));
    }
}

#[test]
fn the_most_that_is_allowed_fits_the_stack() {
    let parentheses = format!("{{{{ {}1{} }}}}", "(".repeat(32), ")".repeat(32));
    assert_eq!(run(&parentheses), Ok(json!(1)));
    let lists = format!("{{{{ {}1{} }}}}", "[".repeat(32), "]".repeat(32));
    assert!(run(&lists).is_ok());
    assert_eq!(run(&format!("{{{{ 1{} }}}}", "+1".repeat(200))), Ok(json!(201)));
    assert_eq!(run(&format!("{{{{ {}1 }}}}", "-".repeat(200))), Ok(json!(1)));
    assert_eq!(
        run(&format!("{{{{ {}true }}}}", "not ".repeat(200))),
        Ok(json!(true))
    );
    let elifs = format!("{{% if a %}}{}{{% endif %}}", "{% elif a %}".repeat(200));
    assert_eq!(run(&elifs), Ok(json!("")));
    let ifs = format!("{{{{ {}1 }}}}", "2 if a else ".repeat(32));
    assert_eq!(run(&ifs), Ok(json!(1)));
    let mixed = format!(
        "{{{{ {}1{} }}}}",
        "(1 if not [".repeat(16),
        "] else -(2))".repeat(15) + "])"
    );
    assert_eq!(run(&mixed), Ok(Value::Null));
    let blocks = format!(
        "{}x{}",
        "{% for i in [1] %}".repeat(16),
        "{% endfor %}".repeat(16)
    );
    assert_eq!(run(&blocks), Ok(json!("x")));
    assert!(run(&format!("{{{{ [{}1] | length }}}}", "1,".repeat(30_000))).is_ok());
    assert!(run(&format!("{{{{ {} }}}}", "'a' ".repeat(16_000))).is_ok());
}

#[test]
fn a_source_beyond_64_kib_is_refused() {
    assert!(run(&"a".repeat(64 << 10)).is_ok());
    refused(&"a".repeat((64 << 10) + 1));
    refused(&format!("{{{{ '{}' }}}}", "ä".repeat(40_000)));
}
