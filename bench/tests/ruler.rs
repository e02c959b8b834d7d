//! The ruler itself: run at its smallest scale it measures, and `results.json` has the fields that a comparison of two
//! runs needs. No number is judged here.

use std::process::Command;

use serde_json::Value;

/// The least that a run can do, beside a server of its own, because it needs settings that no other test wants; with the
/// daemon of AUTOMATIOND_BIN.
fn run(arguments: &[&str]) -> (bool, String, Value) {
    let folder = tempfile::tempdir().expect("a folder");
    let results = folder.path().join("deep/results.json");
    let output = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../setup/cluster"))
        .args(["run", "--fast", "--set", "track_commit_timestamp=on"])
        .args(["--set", "shared_preload_libraries=automations"])
        .args([
            "--set",
            "automations.database=bench_1,bench_2,bench_3,bench_4",
            "--",
        ])
        .arg(env!("CARGO_BIN_EXE_bench"))
        .args(arguments)
        .args(["--scale", "tiny", "--rounds", "1", "--out"])
        .arg(&results)
        .output()
        .expect("run the benchmark");
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let results = std::fs::read_to_string(&results).map_or(Value::Null, |text| {
        serde_json::from_str(&text).expect("results.json is JSON")
    });
    (output.status.success(), said, results)
}

#[test]
fn a_tiny_run_of_two_sections_writes_results_that_can_be_compared() {
    let (succeeded, said, results) = run(&["drain_noop", "floor"]);

    assert!(succeeded, "{said}");
    assert_eq!(results["format"], 1);
    assert!(
        results["machine"]["cores"]
            .as_u64()
            .is_some_and(|cores| cores > 0)
    );
    assert!(
        results["server"]["version"]
            .as_str()
            .is_some_and(|text| text.contains("PostgreSQL"))
    );
    assert_eq!(results["scale"]["name"], "tiny");
    assert_eq!(results["scale"]["drain_noop"], 200);
    assert!(results["commit"].get("id").is_some(), "{results}");
    let sections = results["sections"].as_array().expect("sections");
    let names: Vec<&Value> = sections.iter().map(|section| &section["name"]).collect();
    assert_eq!(names, ["floor", "drain_noop"], "in the order of the table");
    for section in sections {
        assert!(section["failed"].is_null(), "{section}");
        for measure in section["measures"].as_array().expect("measures") {
            let ours = &measure["ours"];
            let (min, median, max) = (&ours["min"], &ours["median"], &ours["max"]);
            assert!(min.is_f64() && median.is_f64() && max.is_f64(), "{measure}");
            assert!(
                measure["rounds"]
                    .as_array()
                    .is_some_and(|rounds| rounds.len() == 1)
            );
        }
    }
    let drain = &sections[1]["measures"][0];
    assert!(
        drain["yardstick"]["ratio"]["median"]
            .as_f64()
            .is_some_and(|ratio| ratio > 0.0)
    );
    assert_eq!(drain["goals"][0]["about"], "ratio");
    assert!(drain["met"].is_boolean(), "{drain}");
    assert!(said.contains("| drain_noop | 200 executions |"), "{said}");
}

#[test]
fn a_section_that_does_not_exist_is_refused_with_the_names_of_those_that_do() {
    let (succeeded, said, results) = run(&["latencies"]);

    assert!(!succeeded && results.is_null());
    assert!(
        said.contains("no section is called latencies") && said.contains("latency"),
        "{said}"
    );
}
