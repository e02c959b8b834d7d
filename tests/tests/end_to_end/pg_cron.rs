//! What pg_cron runs: the clean-up, and `automations.run()` as an application schedules it. One database of the cluster has
//! pg_cron, so this file has one test.

use std::time::Duration;

use end_to_end::{Account, Daemon, Graph, cluster, template, waiting};
use serde_json::json;

#[tokio::test]
async fn pg_cron_cleans_up_what_is_too_old_and_nothing_else_and_runs_automations() {
    template::ensure().await;
    let superuser = cluster::connect("cron_test", "postgres").await;
    superuser
        .batch_execute(
            "ALTER DATABASE cron_test OWNER TO app_owner;
             CREATE EXTENSION IF NOT EXISTS pg_cron;
             GRANT USAGE ON SCHEMA cron TO app_owner;
             GRANT SELECT ON cron.job TO app_owner",
        )
        .await
        .unwrap();
    let owner = cluster::connect("cron_test", template::OWNER).await;
    owner
        .batch_execute("CREATE EXTENSION automations; SELECT automations.install(sample_app := true)")
        .await
        .unwrap();
    let database = end_to_end::Database {
        name: "cron_test".to_owned(),
        owner,
    };
    let schedule: String = superuser
        .query_one(
            "SELECT schedule FROM cron.job WHERE command ILIKE '%cleanup_old_executions%'",
            &[],
        )
        .await
        .expect("install() schedules the clean-up where pg_cron is")
        .get(0);
    assert_eq!(schedule, "0 3 * * *");

    let account = Account::new(&database).await;
    let automation = account
        .manual(&database, "old", &Graph::from("trigger-manual"))
        .await;
    for (status, days) in [
        ("completed", 31),
        ("completed", 29),
        ("cancelled", 31),
        ("cancelled", 29),
        ("failed", 8),
        ("failed", 6),
    ] {
        let insert = "INSERT INTO public.automation_executions
                (automation_id, trigger_type, status, trigger_data, started_at, completed_at)
            VALUES ($1, 'manual', $2, $3, now() - make_interval(days => $4), now() - make_interval(days => $4))";
        let data = tokio_postgres::types::Json(json!({"days": days}));
        database
            .owner
            .execute(insert, &[&automation, &status, &data, &days])
            .await
            .unwrap();
    }

    database
        .run("SELECT cron.schedule('soon', '* * * * *', 'SELECT public.cleanup_old_executions()')")
        .await;

    let graph = Graph::from("trigger-manual").set("said", "by", json!("{{ trigger.by }}"));
    let graph = graph.edge("start", "said");
    let started = account.manual(&database, "started", &graph).await;
    let job = "SELECT cron.schedule('start', '* * * * *',
        format('SELECT automations.run(%L, jsonb_build_object(''by'', ''pg_cron''))', $1::uuid))";
    database.owner.execute(job, &[&started]).await.unwrap();
    let daemon = Daemon::start(&database).await;

    // pg_cron begins a job at the full minute.
    let left = waiting::until_within(Duration::from_secs(150), "pg_cron to clean up", || async {
        let left = database.executions(automation).await;
        (left.len() < 6).then_some(left)
    })
    .await;
    let left: Vec<(&str, i64)> = left
        .iter()
        .map(|execution| {
            (
                execution.status.as_str(),
                execution.trigger_data["days"].as_i64().unwrap(),
            )
        })
        .collect();
    assert_eq!(left, [("completed", 29), ("cancelled", 29), ("failed", 6)]);
    let execution = waiting::until("the automation to run", || async {
        let found = database.executions(started).await;
        found
            .into_iter()
            .find(|execution| execution.status == "completed")
    })
    .await;
    assert_eq!(execution.variables["by"], json!("pg_cron"));
    database
        .run("SELECT cron.unschedule('soon'), cron.unschedule('start')")
        .await;
    daemon.stop().await;
    // The database belongs to the cluster and goes with it: pg_cron is connected to it for ever.
    std::mem::forget(database);
}
