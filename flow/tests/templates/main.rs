//! What templates mean, for the people who write them.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests may fail"
)]

mod filters;

use flow::{Names, Rendered, Template, TemplateError};
use serde_json::{Value, json};

fn names() -> Value {
    json!({
        "lead": {
            "name": "Ada Lovelace", "email": "ada@example.com", "score": 80, "ratio": 0.5, "vip": true,
            "company": null, "tags": ["hot", "new"], "custom": {"city": "London", "x-id": 7},
            "created_at": "2026-01-31T23:30:00+01:00",
        },
        "rows": [{"id": 3, "n": "c"}, {"id": 1, "n": "a"}, {"id": 2, "n": "b"}, {"id": 2, "n": "b"}],
        "nodes": {"http-1": {"output": {"status": 200}}},
        "big": 9_223_372_036_854_775_807_i64,
        "empty": "",
        "zero": 0,
    })
}

fn render(source: &str) -> Rendered {
    let template = Template::parse(source).unwrap_or_else(|error| panic!("{source}: {error}"));
    template
        .render(&names())
        .unwrap_or_else(|error| panic!("{source}: {error}"))
}

fn value(source: &str) -> Value {
    render(source).value
}

fn error(source: &str) -> String {
    match Template::parse(source) {
        Err(error) => error.to_string(),
        Ok(template) => template.render(&names()).expect_err(source).to_string(),
    }
}

#[track_caller]
fn all(cases: &[(&str, Value)]) {
    for (source, expected) in cases {
        assert_eq!(&value(source), expected, "{source}");
    }
}

#[test]
fn a_value_that_is_exactly_one_expression_keeps_its_type() {
    all(&[
        ("{{ lead.score }}", json!(80)),
        ("{{ lead.vip }}", json!(true)),
        ("{{ lead.tags }}", json!(["hot", "new"])),
        ("{{ lead.company }}", Value::Null),
        ("{{ lead.custom }}", json!({"city": "London", "x-id": 7})),
        ("{{ lead.nothing }}", Value::Null),
        ("{# a note #}{{ lead.score }}", json!(80)),
        (" {{ lead.score }}", json!(" 80")),
        ("{{ lead.score }}{{ lead.score }}", json!("8080")),
        ("plain", json!("plain")),
        ("", json!("")),
        ("ends with a newline\n", json!("ends with a newline\n")),
    ]);
}

#[test]
fn in_text_null_is_empty_and_lists_and_objects_are_json() {
    all(&[
        ("[{{ lead.company }}]", json!("[]")),
        ("{{ lead.vip }}!", json!("true!")),
        ("{{ lead.ratio }}!", json!("0.5!")),
        ("{{ lead.tags }}!", json!("[\"hot\",\"new\"]!")),
        ("{{ lead.custom }}!", json!("{\"city\":\"London\",\"x-id\":7}!")),
        (
            "Hello {{ lead.name | default('there') }}",
            json!("Hello Ada Lovelace"),
        ),
        (
            "Hello {{ lead.company | default('there') }}",
            json!("Hello there"),
        ),
        ("Hello {{ nobody.name | default('there') }}", json!("Hello there")),
    ]);
}

#[test]
fn a_missing_name_or_part_renders_empty_with_a_warning_that_names_it() {
    let missing = render("Hi {{ lead.naem }}{{ lead.company.name.first }}{{ nobody }}{{ lead.naem }}");
    assert_eq!(missing.value, json!("Hi "));
    assert_eq!(
        missing.warnings,
        [
            "lead.naem is missing",
            "lead.company.name is missing",
            "nobody is missing"
        ]
    );
    for quiet in [
        "{{ lead.naem | default('x') }}",
        "{% if lead.naem is defined %}a{% endif %}",
        "{{ lead.naem or 'x' }}",
        "{{ lead.company }}",
        "{{ nobody is undefined }}",
    ] {
        assert_eq!(render(quiet).warnings, Vec::<String>::new(), "{quiet}");
    }
    assert_eq!(
        render("{{ lead[lead.email] }}").warnings,
        ["lead[...] is missing"]
    );
}

#[test]
fn paths_take_attributes_keys_indexes_and_slices() {
    all(&[
        ("{{ nodes['http-1'].output.status }}", json!(200)),
        ("{{ lead.tags[0] }}", json!("hot")),
        ("{{ lead.tags[-1] }}", json!("new")),
        ("{{ lead.tags.1 }}", json!("new")),
        ("{{ rows[1:3] | map(attribute='id') }}", json!([1, 2])),
        ("{{ rows[::-1][0].id }}", json!(2)),
        ("{{ lead.name[:3] }}", json!("Ada")),
        ("{{ lead.name[-8:] }}", json!("Lovelace")),
        ("{{ lead.tags[5] }}", Value::Null),
        ("{{ lead.custom['x-id'] }}", json!(7)),
    ]);
}

#[test]
fn arithmetic_is_on_numbers_of_64_bits() {
    all(&[
        ("{{ 1 + 2 * 3 }}", json!(7)),
        ("{{ 7 / 2 }}", json!(3.5)),
        ("{{ 7 // 2 }}", json!(3)),
        ("{{ -7 % 3 }}", json!(2)),
        ("{{ 2 ** 10 }}", json!(1024)),
        ("{{ -lead.score }}", json!(-80)),
        ("{{ lead.score * 1.5 }}", json!(120.0)),
        ("{{ big }}", json!(i64::MAX)),
        ("{{ -9223372036854775808 }}", json!(i64::MIN)),
        ("{{ 'a' + 'b' }}", json!("ab")),
        ("{{ [1] + [2] }}", json!([1, 2])),
        ("{{ 1 ~ 'a' ~ none ~ true }}", json!("1atrue")),
    ]);
    assert!(error("{{ 1 / zero }}").contains("division by zero"));
    assert!(error("{{ 1 % 0 }}").contains("division by zero"));
    assert!(error("{{ big * 4 }}").contains("64 bits"));
    assert!(error("{{ 3 ** 400 }}").contains("64 bits"));
    assert!(error("{{ 1e308 * 10 }}").contains("finite"));
    assert!(error("{{ 0.0 ** -1 }}").contains("finite"));
    assert!(error("{{ 'x' * 3 }}").contains("needs numbers"));
    assert!(error("{{ [1] * 3 }}").contains("needs numbers"));
    assert!(error("{{ 1 + 'x' }}").contains("`~` joins text"));
    assert!(error("{{ 1e999 }}").contains("too large"));
    assert!(error("{{ 99999999999999999999 }}").contains("64 bits"));
}

#[test]
fn comparisons_never_fail_and_what_has_no_order_is_neither_less_nor_greater() {
    all(&[
        ("{{ 1 == 1.0 }}", json!(true)),
        ("{{ lead.score > 50 and lead.vip }}", json!(true)),
        ("{{ lead.company > 50 }}", json!(false)),
        ("{{ lead.company <= 50 }}", json!(false)),
        ("{{ '100' > 20 }}", json!(true)),
        ("{{ 'b' > 'a' }}", json!(true)),
        ("{{ 1 < 2 < 3 }}", json!(true)),
        ("{{ 1 < 3 < 2 }}", json!(false)),
        ("{{ 'hot' in lead.tags }}", json!(true)),
        ("{{ 'cold' not in lead.tags }}", json!(true)),
        ("{{ 'Love' in lead.name }}", json!(true)),
        ("{{ 'city' in lead.custom }}", json!(true)),
        ("{{ 'x' in lead.company }}", json!(false)),
        ("{{ not lead.vip }}", json!(false)),
        ("{{ 'yes' if lead.vip else 'no' }}", json!("yes")),
        ("{{ 'yes' if empty }}", Value::Null),
    ]);
}

#[test]
fn statements_are_if_and_for() {
    all(&[
        (
            "{% if lead.score > 90 %}a{% elif lead.score > 70 %}b{% else %}c{% endif %}",
            json!("b"),
        ),
        (
            "{% for tag in lead.tags %}{{ loop.index }}{{ tag }}{% if not loop.last %}, {% endif %}{% endfor %}",
            json!("1hot, 2new"),
        ),
        (
            "{% for row in rows if row.id > 1 %}{{ row.n }}{{ loop.length }}{% endfor %}",
            json!("c3b3b3"),
        ),
        ("{% for x in [] %}a{% else %}none{% endfor %}", json!("none")),
        (
            "{% for x in lead.company %}a{% else %}none{% endfor %}",
            json!("none"),
        ),
        (
            "{% for k, v in lead.custom.items() %}{{ k }}={{ v }};{% endfor %}",
            json!("city=London;x-id=7;"),
        ),
        (
            "{% for k, v in lead.custom | items %}{{ k }}{% endfor %}",
            json!("cityx-id"),
        ),
        ("{% for k in lead.custom %}{{ k }}{% endfor %}", json!("cityx-id")),
        (
            "{% for i in range(3) %}{% for j in range(i) %}{{ loop.depth }}{{ j }}{% endfor %}{% endfor %}",
            json!("202021"),
        ),
        ("{% for i in range(1, 10, 4) %}{{ i }}{% endfor %}", json!("159")),
        ("a {%- if true %} b {%- endif %}", json!("a b")),
        ("{% raw %}{{ x }}{% endraw %}", json!("{{ x }}")),
    ]);
}

#[test]
fn other_statements_calls_and_unknown_names_are_refused_with_what_to_write() {
    for statement in [
        "{% set a = 1 %}",
        "{% with a = 1 %}{% endwith %}",
        "{% do f() %}",
        "{% macro f() %}{% endmacro %}",
        "{% include 'x' %}",
        "{% import 'x' as y %}",
        "{% extends 'x' %}",
        "{% block a %}{% endblock %}",
        "{% filter upper %}a{% endfilter %}",
        "{% call f() %}{% endcall %}",
        "{% autoescape true %}{% endautoescape %}",
        "{% break %}",
    ] {
        assert!(
            error(statement).contains("there is no statement"),
            "{statement}: {}",
            error(statement)
        );
    }
    assert!(error("{{ x | indent(5) }}").contains("there is no filter `indent`"));
    assert!(error("{{ x | format }}").contains("there is no filter"));
    assert!(error("{{ x is odder }}").contains("there is no test"));
    assert!(error("{{ now() }}").contains("there is no function `now`"));
    assert!(error("{{ x[0](1) }}").contains("can be called"));
    assert!(error("{% for x in y recursive %}{% endfor %}").contains("recursive"));
    assert!(error("{{ x | replace('a') }}").contains("needs (old, new)"));
    assert!(error("{{ x | upper(1) }}").contains("takes ()"));
    assert!(error("{{ x | join(*y) }}").contains("takes (separator, attribute)"));
    assert!(
        error("text\n\n{{ a + }}").starts_with("line 3:"),
        "{}",
        error("text\n\n{{ a + }}")
    );
    assert!(error("{{ a ").starts_with("line 1:"));
    assert!(error("a\n{{ 1 / 0 }}").starts_with("line 2:"));
}

#[test]
fn the_names_that_a_template_reads_are_known_when_it_is_parsed() {
    let reads = |source| {
        let template = Template::parse(source).unwrap();
        template
            .reads()
            .iter()
            .map(|(name, part)| format!("{name}:{}", part.clone().unwrap_or_default()))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        reads("{{ secrets.TOKEN }}{{ secrets['KEY'] }}{{ vars[x] }}"),
        ["secrets:KEY", "secrets:TOKEN", "vars:", "x:"]
    );
    assert_eq!(
        reads("{% for i in nodes['a'].output %}{{ i.x }}{{ loop.index }}{{ lead.y }}{% endfor %}{{ i }}"),
        ["i:", "lead:y", "nodes:a"]
    );
    assert_eq!(reads("{% for i in i %}{% endfor %}"), ["i:"]);
    assert_eq!(
        reads("{{ a | default(b.c) }}{{ [d, {e: f}] }}{{ g if h else j }}{{ k is eq(l) }}"),
        ["a:", "b:c", "d:", "e:", "f:", "g:", "h:", "j:", "k:", "l:"]
    );
    let template = Template::parse("{{ lead.name }}{{ vars.x }}").unwrap();
    assert_eq!(template.names().iter().collect::<Vec<_>>(), ["lead", "vars"]);
}

#[test]
fn a_bare_expression_may_stand_in_braces_as_well() {
    for source in [
        "lead.tags | length",
        "{{ lead.tags | length }}",
        "  lead.tags | length\n",
    ] {
        assert_eq!(
            Template::expression(source)
                .unwrap()
                .render(&names())
                .unwrap()
                .value,
            json!(2),
            "{source}"
        );
    }
    assert!(Template::expression("lead.tags |").is_err());
    assert!(Template::expression("").is_err());
    assert!(Template::expression("a }} b").is_err());
}

#[test]
fn each_name_is_asked_for_once_and_only_if_it_is_read() {
    struct Counting(std::cell::RefCell<Vec<String>>);
    impl Names for Counting {
        fn get(&self, name: &str) -> Option<std::borrow::Cow<'_, Value>> {
            self.0.borrow_mut().push(name.to_owned());
            Some(std::borrow::Cow::Owned(json!({"a": [1, 2]})))
        }
    }
    let counting = Counting(Vec::new().into());
    let template = Template::parse("{% for i in range(50) %}{{ x.a[0] }}{{ x.a }}{% endfor %}").unwrap();
    template.render(&counting).unwrap();
    assert_eq!(*counting.0.borrow(), ["x"]);
}

#[test]
fn an_error_says_nothing_of_the_value() {
    let secret = json!({"secrets": {"TOKEN": "hunter2"}});
    for source in [
        "{{ secrets.TOKEN + 1 }}",
        "{{ secrets.TOKEN | int }}",
        "{{ -secrets.TOKEN }}",
        "{{ secrets.TOKEN | fromjson }}",
        "{{ secrets.TOKEN | date }}",
        "{{ [secrets.TOKEN] | sum }}",
        "{{ range(secrets.TOKEN) }}",
    ] {
        let error = Template::parse(source).unwrap().render(&secret).unwrap_err();
        assert!(matches!(error, TemplateError::Evaluate { .. }), "{source}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{source}");
    }
}
