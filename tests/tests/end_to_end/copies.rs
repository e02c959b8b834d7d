//! pg_dump and pg_restore carry everything, and a copy sends nothing until somebody says that it is the one.

use end_to_end::{Account, Daemon, DaemonOptions, Database, Graph, cluster};
use serde_json::json;

/// What must be the same on both sides, as one text.
const SHAPE: &str = "
    SELECT string_agg(line, E'\\n' ORDER BY line) FROM (
        SELECT 'policy ' || p.polrelid::regclass || ' ' || p.polname || ' '
               || coalesce(pg_get_expr(p.polqual, p.polrelid), '') || coalesce(pg_get_expr(p.polwithcheck, p.polrelid), '') AS line
          FROM pg_policy p
        UNION ALL SELECT 'trigger ' || pg_get_triggerdef(t.oid) FROM pg_trigger t WHERE NOT t.tgisinternal
        UNION ALL SELECT 'constraint ' || c.conrelid::regclass || ' ' || pg_get_constraintdef(c.oid)
          FROM pg_constraint c WHERE c.conrelid <> 0
        UNION ALL SELECT 'index ' || pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN pg_class k ON k.oid = i.indrelid
          JOIN pg_namespace n ON n.oid = k.relnamespace WHERE n.nspname IN ('public', 'automations')
        UNION ALL SELECT 'grants ' || k.oid::regclass || ' ' || coalesce(a.acl, '') FROM pg_class k
          JOIN pg_namespace n ON n.oid = k.relnamespace
          LEFT JOIN LATERAL (SELECT string_agg(x::text, ',' ORDER BY x::text) AS acl FROM unnest(k.relacl) x) a ON true
         WHERE n.nspname IN ('public', 'automations') AND k.relkind IN ('r', 'p', 'v')
        UNION ALL SELECT 'security ' || k.oid::regclass || k.relrowsecurity || k.relforcerowsecurity FROM pg_class k
          JOIN pg_namespace n ON n.oid = k.relnamespace WHERE n.nspname IN ('public', 'automations') AND k.relkind IN ('r', 'p')
    ) lines";

const ROWS: &str = "SELECT string_agg(line, E'\\n' ORDER BY line) FROM (
    SELECT 'automation ' || a::text AS line FROM public.automations a
    UNION ALL SELECT 'version ' || v::text FROM public.automation_versions v
    UNION ALL SELECT 'execution ' || e::text FROM public.automation_executions e
    UNION ALL SELECT 'step ' || s::text FROM automations.steps s
    UNION ALL SELECT 'lead ' || l::text FROM public.leads l) lines";

#[tokio::test]
async fn a_restored_dump_has_everything_starts_paused_and_runs_after_adopt() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let graph = Graph::from("trigger-event")
        .set("note", "who", json!("{{ trigger.new.name }}"))
        .edge("start", "note");
    let automation = account.on_new_lead(&database, "kept", &graph).await;
    let daemon = Daemon::start(&database).await;
    account.lead(&database, "Ada").await;
    database.only(automation).await.completed();
    daemon.stop().await;

    let copy = Database::empty().await;
    let folder = tempfile::tempdir().unwrap();
    let dump = folder.path().join("dump");
    let dump = dump.to_str().unwrap();
    cluster::program_must("pg_dump", &["-Fc", "-f", dump, "-d", &database.name]);
    cluster::program_must("pg_restore", &["--exit-on-error", "-d", &copy.name, dump]);

    // PostgreSQL writes `a OR b OR c` with other brackets when it has read its own text.
    let bare = |text: String| text.replace(['(', ')'], "");
    for (what, query) in [("shape", SHAPE), ("rows", ROWS)] {
        let there = bare(database.value(query, &[]).await);
        let here = bare(copy.value(query, &[]).await);
        let missing: Vec<&str> = there
            .lines()
            .filter(|line| !here.lines().any(|other| other == *line))
            .collect();
        let extra: Vec<&str> = here
            .lines()
            .filter(|line| !there.lines().any(|other| other == *line))
            .collect();
        assert!(
            missing.is_empty() && extra.is_empty(),
            "{what}: missing {missing:#?}, extra {extra:#?}"
        );
    }

    account.lead(&copy, "in the copy").await;
    let mut daemon = Daemon::spawn(
        &copy.name,
        DaemonOptions::default().flag("--poll-interval", "200ms"),
    );
    daemon.not_ready("adopt()").await;
    assert_eq!(copy.executions(automation).await.len(), 1, "a copy starts paused");

    copy.run("SELECT automations.adopt()").await;

    daemon.ready().await;
    let all = copy.all_ended(automation, 2).await;
    assert_eq!(all[1].variables["who"], "in the copy");
    assert_eq!(database.executions(automation).await.len(), 1);
}
