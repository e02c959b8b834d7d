//! Thousands of templates that nobody would write.

use flow::Template;
use serde_json::json;

#[test]
fn thousands_of_random_templates_never_panic() {
    // A linear congruence: the same templates in every run.
    let mut seed = 20_260_101_u64;
    let mut next = |below: usize| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    };
    let pieces = [
        "{{",
        "}}",
        "{%",
        "%}",
        "{#",
        "#}",
        " if ",
        " else ",
        "elif ",
        "endif",
        " for ",
        " in ",
        "endfor",
        " not ",
        " and ",
        " or ",
        " is ",
        "a",
        "long",
        "rows",
        "list",
        "loop",
        ".b",
        ".name",
        "[0]",
        "[-1:]",
        "[::2]",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ":",
        ",",
        "|",
        "upper",
        "sort",
        "map",
        "default",
        "join",
        "replace",
        "'x'",
        "\"",
        "'",
        "1",
        "2.5",
        "-",
        "+",
        "*",
        "**",
        "/",
        "//",
        "%",
        "~",
        "==",
        "<",
        ">=",
        "defined",
        "range",
        "true",
        "none",
        " ",
        "\n",
        "ä",
        "🦀",
        "\\",
        "raw",
        "-%}",
        "{{-",
        "attribute=",
        "tojson",
    ];
    let names = json!({"a": {"b": [1, {"name": null}]}, "list": [3, 1, 2], "rows": [{"name": "x", "id": 1}], "long": "x".repeat(1000)});
    let mut rendered = 0;
    for round in 0..8_000 {
        let length = next(14) + 1;
        let inner: String = (0..length).map(|_| pieces[next(pieces.len())]).collect();
        // Most of what is random is refused: half of it is set into a tag, so that some is not.
        let source = if round % 2 == 0 {
            format!("{{{{ {inner} }}}}")
        } else {
            inner
        };
        for template in [Template::parse(&source), Template::expression(&source)]
            .into_iter()
            .flatten()
        {
            rendered += 1;
            let _ = template.render(&names);
        }
    }
    assert!(rendered > 200, "{rendered}");
}
