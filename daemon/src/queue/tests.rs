//! Every function of the database that the daemon calls, and by which kind of call: whoever adds one adds it here, and
//! decides with it whether the crash tests count it as a write.

use std::collections::BTreeSet;
use std::path::Path;

/// `write`: changes rows whenever it is called. `sweep`: changes rows where it finds something to do. `read`: changes
/// nothing. `tenant`: inside the transaction of a database node, whose commit is the write.
const CALLS: [(&str, &str); 52] = [
    ("agent_tools", "read"),
    ("announce", "notify"),
    ("api_key", "read"),
    ("become_tenant", "tenant"),
    ("cancel_execution", "write"),
    ("claim", "sweep"),
    ("count_webhook_calls", "write"),
    ("definition", "read"),
    ("deliver_events", "sweep"),
    ("emit", "tenant"),
    ("execution_steps", "read"),
    ("finish", "write"),
    ("finish_with_effect", "tenant"),
    ("fire_schedules", "sweep"),
    ("fold_uncounted", "sweep"),
    // extends leases over a connection of its own; an execution is the same before and after
    ("heartbeat", "heartbeat"),
    ("install", "write"),
    ("last_of_tenant", "tenant"),
    ("leave_tenant", "tenant"),
    ("keep_steps", "write"),
    ("look", "read"),
    ("maintain", "sweep"),
    ("next_of_tenant", "tenant"),
    ("node_create_booking", "tenant"),
    ("node_db", "tenant"),
    ("node_read", "tenant"),
    ("node_send_message", "tenant"),
    ("node_update_lead", "tenant"),
    ("outcome", "read"),
    ("park", "write"),
    ("park_many", "write"),
    ("progress", "read"),
    ("readiness", "read"),
    ("record", "write"),
    ("record_many", "write"),
    ("record_with_effect", "tenant"),
    ("release", "write"),
    ("replay_missed", "sweep"),
    ("rescue", "sweep"),
    ("resume", "write"),
    ("start_child", "write"),
    ("start_notified", "write"),
    ("start_webhooks", "write"),
    ("stop_leading", "write"),
    ("start_tool", "write"),
    ("token_secret", "read"),
    ("tools_stamp", "read"),
    ("unpark", "sweep"),
    ("use_api_key", "sweep"),
    // says which timeouts have passed
    ("waited", "sweep"),
    ("waiting_step", "read"),
    ("webhook", "read"),
];

/// The kinds of a method of `Calls`, as its name begins.
const KINDS: [&str; 4] = ["read", "write", "sweep", "notify"];

#[test]
fn every_call_of_the_database_is_listed_with_what_it_changes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/queue");
    let mut found = BTreeSet::new();
    let in_tenant = folder.join("tenant");
    let files = [folder, in_tenant.clone()].map(|folder| std::fs::read_dir(folder).unwrap());
    for file in files.into_iter().flatten() {
        let path = file.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if name == "tests" || path.is_dir() {
            continue;
        }
        let source = std::fs::read_to_string(&path).unwrap();
        // neither comments nor what is said to people
        let is_code = |line: &&str| !line.trim_start().starts_with("//") && !line.contains("#[error(");
        let code: String = source.lines().filter(is_code).collect();
        for function in functions(&code) {
            let kind = match name.as_str() {
                _ if path.starts_with(&in_tenant) => "tenant".to_owned(),
                "heartbeat" => name.clone(),
                _ => kind(&code, &name),
            };
            found.insert((function, kind));
        }
    }
    let listed = CALLS.map(|(function, kind)| (function.to_owned(), kind.to_owned()));
    assert_eq!(found, BTreeSet::from(listed));
}

/// Names behind `automations.` in statements, but for what only reads an argument of another call.
fn functions(code: &str) -> Vec<String> {
    let statements = code.split("automations.").skip(1);
    let name = |rest: &str| -> String {
        rest.chars()
            .take_while(|c| c.is_ascii_lowercase() || *c == '_')
            .collect()
    };
    statements
        .filter(|rest| rest[name(rest).len()..].starts_with('('))
        .map(name)
        .filter(|name| name != "from_json")
        .collect()
}

/// How a file that calls one function calls it.
fn kind(code: &str, file: &str) -> String {
    let words: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let kinds: BTreeSet<&str> = words
        .split("self.calls.")
        .skip(1)
        .map(|call| {
            let kind = KINDS.iter().find(|kind| call.starts_with(**kind));
            kind.unwrap_or_else(|| panic!("{file}: which kind of call is {call:.40}"))
        })
        .copied()
        .collect();
    assert_eq!(
        kinds.len(),
        1,
        "{file}: one function, one kind of call; found {kinds:?}"
    );
    kinds.into_iter().next().unwrap().to_owned()
}
