//! Filters and tests of kind, as users of Jinja know them.

use serde_json::{Value, json};

use crate::{all, error};

#[test]
fn filters_do_what_users_of_jinja_expect() {
    all(&[
        ("{{ 'straße' | upper }}", json!("STRASSE")),
        ("{{ 'ABC' | lower }}", json!("abc")),
        ("{{ \"don't panic now\" | title }}", json!("Don't Panic Now")),
        ("{{ 'hELLO world' | capitalize }}", json!("Hello world")),
        ("{{ '  x ' | trim }}", json!("x")),
        ("{{ '--x-' | trim('-') }}", json!("x")),
        ("{{ 'a-b-c' | replace('-', '+') }}", json!("a+b+c")),
        ("{{ 'a-b-c' | replace('-', '+', 1) }}", json!("a+b-c")),
        ("{{ 'a, b' | split(', ') }}", json!(["a", "b"])),
        ("{{ ' a  b ' | split }}", json!(["a", "b"])),
        ("{{ 'a.b.c'.split('.', 1) }}", json!(["a", "b.c"])),
        ("{{ lead.tags | join(' and ') }}", json!("hot and new")),
        ("{{ rows | join(',', attribute='id') }}", json!("3,1,2,2")),
        ("{{ lead.tags | length }}", json!(2)),
        ("{{ 'ä€' | length }}", json!(2)),
        ("{{ lead.tags | first }}", json!("hot")),
        ("{{ lead.tags | last }}", json!("new")),
        ("{{ [] | first }}", Value::Null),
        ("{{ lead.tags | reverse }}", json!(["new", "hot"])),
        ("{{ 'abc' | reverse }}", json!("cba")),
        ("{{ 2.567 | round(2) }}", json!(2.57)),
        ("{{ 2.5 | round }}", json!(3.0)),
        ("{{ 2.1 | round(0, 'ceil') }}", json!(3.0)),
        ("{{ 7 | round(2) }}", json!(7)),
        ("{{ -3 | abs }}", json!(3)),
        ("{{ '42' | int + 1 }}", json!(43)),
        ("{{ 'x' | int(0) }}", json!(0)),
        ("{{ 3.9 | int }}", json!(3)),
        ("{{ '1.5' | float }}", json!(1.5)),
        ("{{ 12 | string ~ '!' }}", json!("12!")),
        ("{{ lead.tags | tojson }}", json!("[\"hot\",\"new\"]")),
        ("{{ ('[1, 2]' | fromjson)[1] }}", json!(2)),
        ("{{ 'a b/ä&' | urlencode }}", json!("a%20b/%C3%A4%26")),
        ("{{ {'q': 'a b', 'p': 1} | urlencode }}", json!("p=1&q=a%20b")),
        (
            "{{ '<a href=\"x\">' | e }}",
            json!("&lt;a href=&quot;x&quot;&gt;"),
        ),
        (
            "{{ rows | sort(attribute='id') | map(attribute='n') | join }}",
            json!("abbc"),
        ),
        ("{{ ['b', 'A', 'c'] | sort }}", json!(["A", "b", "c"])),
        ("{{ [3, 1, 2] | sort(reverse=true) }}", json!([3, 2, 1])),
        ("{{ rows | unique(attribute='id') | length }}", json!(3)),
        ("{{ [1, 1, 2] | unique }}", json!([1, 2])),
        ("{{ rows | sum(attribute='id') }}", json!(8)),
        ("{{ [1, 2.5] | sum }}", json!(3.5)),
        ("{{ [] | sum }}", json!(0)),
        ("{{ [3, 1, 2] | min }}{{ [3, 1, 2] | max }}", json!("13")),
        ("{{ [] | min }}", Value::Null),
        ("{{ ['a', 'b'] | map('upper') }}", json!(["A", "B"])),
        ("{{ [0, 1, 2] | select }}", json!([1, 2])),
        ("{{ [0, 1, 2] | reject('odd') }}", json!([0, 2])),
        (
            "{{ rows | selectattr('id', 'gt', 1) | map(attribute='n') }}",
            json!(["c", "b", "b"]),
        ),
        ("{{ rows | rejectattr('n', 'eq', 'b') | length }}", json!(2)),
        ("{{ lead.custom | keys }}", json!(["city", "x-id"])),
        ("{{ lead.custom | values }}", json!(["London", 7])),
        ("{{ lead.custom.get('nope', 'x') }}", json!("x")),
        ("{{ 'a long sentence' | truncate(10) }}", json!("a long...")),
        (
            "{{ empty | default('x') }}{{ empty | default('x', true) }}",
            json!("x"),
        ),
        ("{{ 'abc' | list }}", json!(["a", "b", "c"])),
        ("{{ lead.created_at | date }}", json!("2026-01-31")),
        (
            "{{ lead.created_at | date('%d.%m.%Y %H:%M') }}",
            json!("31.01.2026 23:30"),
        ),
        (
            "{{ lead.created_at | date('%H:%M', 'Asia/Kolkata') }}",
            json!("04:00"),
        ),
        (
            "{{ '2026-01-01 10:00:00.5+02' | date('%H:%M %z') }}",
            json!("10:00 +0200"),
        ),
        ("{{ 0 | date('%Y') }}", json!("1970")),
        ("{{ lead.company | date }}", Value::Null),
    ]);
    assert!(error("{{ lead.name | date }}").contains("cannot read text"));
    assert!(error("{{ lead.created_at | date('%Q') }}").contains("does not know that format"));
    assert!(error("{{ lead.created_at | date('%Y', 'Mars/Base') }}").contains("time zone"));
    assert!(error("{{ 'x' | int }}").contains("needs a number"));
    assert!(error("{{ rows | map('map') }}").contains("`map` needs"));
}

#[test]
fn tests_of_kind_and_comparison() {
    all(&[
        (
            "{{ lead.name is string and lead.score is number and lead.custom is mapping }}",
            json!(true),
        ),
        (
            "{{ lead.tags is sequence and lead.tags is iterable }}",
            json!(true),
        ),
        (
            "{{ lead.company is none and lead.company is defined }}",
            json!(true),
        ),
        (
            "{{ lead.nope is not defined and lead.nope is none }}",
            json!(true),
        ),
        ("{{ 4 is even and 3 is odd and 9 is divisibleby 3 }}", json!(true)),
        ("{{ 'hot' is in lead.tags }}", json!(true)),
        ("{{ 3 is eq(3) and 'ab' is startingwith 'a' }}", json!(true)),
        (
            "{{ lead.vip is true and 1 is integer and 1.5 is float }}",
            json!(true),
        ),
    ]);
}
