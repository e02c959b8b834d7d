//! Templates that are meant to do harm: each is refused when parsed or ended by its budget, takes less than 32 MB,
//! and leaves the process alive. Memory is counted by the allocator, in bytes, for the thread of the test.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests may fail"
)]

mod parsing;
mod random;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use flow::{Configured, Template, TemplateError};
use serde_json::{Value, json};

struct Counting;

thread_local! {
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: isize) {
    LIVE.with(|live| {
        live.set(live.get() + bytes);
        PEAK.with(|peak| peak.set(peak.get().max(live.get())));
    });
}

// SAFETY: every call is passed on to the system's allocator; beside that only two numbers are kept.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // At the worst the old and the new block live side by side.
        count(size as isize);
        count(-(layout.size() as isize));
        // SAFETY: as the caller promises.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Bytes held at the peak of `run` beyond what was held before.
fn peak<T>(run: impl FnOnce() -> T) -> (T, isize) {
    let before = LIVE.with(Cell::get);
    PEAK.with(|peak| peak.set(before));
    let result = run();
    (result, PEAK.with(Cell::get) - before)
}

fn names() -> Value {
    json!({
        "long": "x".repeat(1 << 20),
        "words": "word ".repeat(200_000),
        "list": (0..50_000).collect::<Vec<u32>>(),
        "rows": (0..2_000).map(|id| json!({"id": id, "name": format!("name {id}")})).collect::<Vec<_>>(),
        "tiny": (0..20_000).map(|id| json!({"a": id})).collect::<Vec<_>>(),
        "braces": "[{\"\":0}".to_owned() + &",{\"\":0}".repeat(100_000) + "]",
    })
}

/// Parses and renders; asserts that it takes less than 32 MB, and on a stack of 1 MB, whatever comes of it.
#[track_caller]
fn run(source: &str) -> Result<Value, TemplateError> {
    let source = source.to_owned();
    let thread = std::thread::Builder::new().stack_size(1 << 20);
    let shown: String = source.chars().take(80).collect();
    let (result, bytes) = thread
        .spawn(move || {
            let (template, parsing) = peak(|| Template::parse(&source));
            let Ok(template) = template else {
                return (template.map(|_| Value::Null), parsing);
            };
            let names = names();
            let (rendered, rendering) = peak(|| template.render(&names));
            (rendered.map(|rendered| rendered.value), parsing.max(rendering))
        })
        .expect("a thread")
        .join()
        .unwrap_or_else(|_| panic!("{shown}: panicked"));
    assert!(bytes < 32 << 20, "{shown}: {bytes} bytes");
    result
}

#[track_caller]
fn refused(source: &str) {
    let shown: String = source.chars().take(80).collect();
    match run(source) {
        Err(TemplateError::Budget { .. } | TemplateError::Evaluate { .. }) => panic!("{shown}: was parsed"),
        Err(_) => {}
        Ok(_) => panic!("{shown}: was taken"),
    }
}

#[track_caller]
fn ended(source: &str) {
    let shown: String = source.chars().take(80).collect();
    match run(source) {
        Err(TemplateError::Budget { .. }) => {}
        other => panic!("{shown}: {:?}", other.map(|value| value.to_string().len())),
    }
}

#[test]
fn text_cannot_be_doubled_into_memory() {
    ended(&format!("{{{{ long{} }}}}", "~long".repeat(199)));
    ended("{% for i in range(10000) %}{{ long }}{% endfor %}");
    ended("{% for i in range(10000) %}{% for j in range(10000) %}x{% endfor %}{% endfor %}");
    ended("{% for i in list %}{% for j in list %}{% endfor %}{% endfor %}");
    ended("{% for i in list %}{{ list | length }}{{ list | sort | length }}{% endfor %}");
    ended(&format!("{{{{ [{}] }}}}", "long,".repeat(50)));
    ended(&format!("{{{{ list{} }}}}", " + list".repeat(190)));
    let nested = "{% for i in range(100) %}".repeat(8) + "{{ long[0] }}" + &"{% endfor %}".repeat(8);
    ended(&nested);
}

#[test]
fn filters_cannot_make_more_than_the_budget() {
    ended("{{ long | replace('x', long) }}");
    ended("{{ long | replace('x', 'yyyyyyyyyyyyyyyyyyyyyyyy') }}");
    ended("{{ list | join(long) }}");
    ended("{{ long | list }}");
    ended("{{ long | split('x') }}");
    ended("{{ long | map('upper') }}");
    ended("{{ (words | split)[0:] | map('length') | list | tojson | list }}");
    ended("{{ braces | fromjson }}");
    ended(
        "{{ tiny | map(attribute='a') | list }}{% for i in range(100) %}{{ tiny | length }}{{ tiny[:] | length }}{% endfor %}",
    );
    ended(
        "{{ rows | sort(attribute='name') }}{% for i in range(1000) %}{{ (rows | sort(attribute='name'))[0] }}{% endfor %}",
    );
    ended("{% for i in range(10000) %}{{ 'a' in long }}{{ 'b' in long }}{% endfor %}");
    ended("{% for i in range(10000) %}{{ long == words }}{{ long | length }}{{ rows == rows }}{% endfor %}");
    ended("{{ long | upper }}{{ long | lower }}{{ long | title }}{{ long | upper | lower | upper | lower }}");
    ended("{{ long[::-1][::-1][::-1] }}");
    ended(
        "{{ list | unique | tojson | list | unique }}{% for i in range(100) %}{{ list | unique }}{% endfor %}",
    );
    ended("{{ range(10001) }}");
    ended("{{ range(-9223372036854775808, 9223372036854775807) }}");
    refused("{{ 'x' | indent(100000000) }}");
    refused("{{ '%100000000d' | format(1) }}");
    refused("{{ 'x' | center(100000000) }}");
    assert!(run("{{ 'x' * 100000000 }}").is_err());
    assert!(run("{{ 5 in [1] * 100000000 }}").is_err());
    assert!(run("{{ 9 ** 9 ** 9 ** 9 }}").is_err());
    assert!(run("{{ 2.0 ** 1e308 }}").is_err());
    assert!(run("{{ '2026-01-01' | date('%Y' * 100) }}").is_err());
    assert!(run("{{ '2026-01-01' | date(long) }}").is_err());
    assert_eq!(run("{{ 'x' | truncate(9223372036854775807) }}"), Ok(json!("x")));
    assert_eq!(run("{{ 1.5 | round(9223372036854775807) }}"), Ok(json!(1.5)));
    assert_eq!(
        run("{{ [1, 2][9223372036854775807] }}{{ [1][-9223372036854775808:] }}"),
        Ok(json!("[1]"))
    );
}

#[test]
fn what_an_application_really_writes_stays_within_the_budget() {
    assert!(run("{{ long }}").is_ok());
    assert!(run("Dear {{ long }}").is_ok());
    assert!(run("{{ rows }}").is_ok());
    assert!(run("{{ rows | tojson }}").is_ok());
    assert!(run("{{ words | upper | length }}").is_ok());
    assert!(run("{% for row in rows %}<li>{{ loop.index }}: {{ row.name | title | e }} ({{ row.id + 1 }})</li>{% endfor %}").is_ok());
    assert!(
        run("{{ rows | selectattr('id', 'gt', 100) | map(attribute='name') | sort | unique | join(', ') }}")
            .is_ok()
    );
    assert!(run("{{ list | sum }}{{ list | max }}{{ list | length }}").is_ok());
}

#[test]
fn a_value_nested_deeper_than_json_may_be_ends_the_template() {
    let mut deep = json!(1);
    for _ in 0..10_000 {
        deep = Value::Array(vec![deep]);
    }
    let names = Value::Object([("deep".to_owned(), deep)].into_iter().collect());
    for source in [
        "{{ deep }}",
        "x{{ deep }}",
        "{{ deep | tojson }}",
        "{{ deep == [deep] }}",
        "{{ [deep, deep] | unique }}",
        "{{ [deep] | sort }}",
    ] {
        let result = Template::parse(source).unwrap().render(&names);
        assert!(
            matches!(result, Err(TemplateError::Budget { .. })),
            "{source}: {result:?}"
        );
    }
    // Dropping recurses as well: taken apart here.
    let Value::Object(mut names) = names else { return };
    let mut deep = names.remove("deep").unwrap();
    while let Value::Array(mut items) = deep {
        deep = items.pop().unwrap_or_default();
    }
}

#[test]
fn a_configuration_of_many_templates_is_as_bounded_as_one() {
    let config = json!({"values": vec!["{{ long }}"; 1_000]});
    let configured = Configured::compile_fields(&config, &|_| true).unwrap();
    let names = names();
    let (result, bytes) = peak(|| configured.render(&names));
    assert!(matches!(result, Err(TemplateError::Field { .. })));
    assert!(bytes < 32 << 20, "{bytes}");
}

#[test]
fn text_of_any_script_is_cut_at_characters() {
    let odd = "🦀e\u{301}ß\u{0}\u{202e}İ\u{fffd}";
    let names = json!({"odd": odd.repeat(3)});
    for tail in [
        "[1:4]",
        "[-3:]",
        "[::2]",
        "[0]",
        "[-1]",
        "| upper",
        "| lower",
        "| title",
        "| capitalize",
        "| reverse",
        "| truncate(4)",
        "| list",
        "| split('ß')",
        "| replace('e', '🦀')",
        "| trim('🦀')",
        "| urlencode",
        "| e",
        "| tojson",
    ] {
        Template::parse(&format!("{{{{ odd {tail} }}}}"))
            .unwrap()
            .render(&names)
            .unwrap();
    }
    for source in [
        "{{ ä }}",
        "{{ '🦀' ~ x",
        "{{ x.🦀 }}",
        "🦀{{",
        "{% ß %}",
        "{{ \u{0} }}",
        "{#",
        "{{ 'a\\",
        "{{ '\\ud800' }}",
        "{{ 0x }}",
        "{{ 1_ }}",
        "{% raw %}",
    ] {
        let _ = Template::parse(source);
        let _ = Template::expression(source);
    }
}
