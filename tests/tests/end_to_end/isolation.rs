//! Two accounts in one database: neither sees, starts or changes what is the other's, by SQL or by a node.

use end_to_end::{Account, Daemon, Database, Graph};
use serde_json::json;
use tokio_postgres::types::Json;
use uuid::Uuid;

/// Two accounts, each with one automation that has run once.
async fn two() -> (Database, Account, Account, Uuid, Uuid) {
    let database = Database::fresh().await;
    let (one, two) = (Account::new(&database).await, Account::new(&database).await);
    let graph = Graph::from("trigger-event")
        .set("note", "who", json!("{{ trigger.new.name }}"))
        .edge("start", "note");
    let mine = one.on_new_lead(&database, "mine", &graph).await;
    let theirs = two.on_new_lead(&database, "theirs", &graph).await;
    let daemon = Daemon::start(&database).await;
    one.lead(&database, "Ada").await;
    two.lead(&database, "Bob").await;
    database.only(mine).await.completed();
    database.only(theirs).await.completed();
    daemon.stop().await;
    (database, one, two, mine, theirs)
}

#[tokio::test]
async fn a_tenant_reads_and_changes_only_what_is_his_own() {
    let (database, one, _, mine, theirs) = two().await;
    let tenant = database.as_tenant(one.user).await;
    for (table, column) in [
        ("automations", "id"),
        ("automation_executions", "automation_id"),
        ("automation_versions", "automation_id"),
    ] {
        let rows = tenant
            .query(&format!("SELECT DISTINCT {column} FROM public.{table}"), &[])
            .await
            .unwrap();
        let ids: Vec<Uuid> = rows.iter().map(|row| row.get(0)).collect();
        assert_eq!(ids, [mine], "{table}");
    }
    let update = "UPDATE public.automations SET name = 'stolen' WHERE id = $1";
    assert_eq!(tenant.execute(update, &[&theirs]).await.unwrap(), 0);
    for delete in [
        "DELETE FROM public.automation_executions WHERE automation_id = $1",
        "DELETE FROM public.automations WHERE id = $1",
    ] {
        assert_eq!(tenant.execute(delete, &[&theirs]).await.unwrap(), 0, "{delete}");
    }
    assert_eq!(tenant.execute(update, &[&mine]).await.unwrap(), 1);
}

#[tokio::test]
async fn for_a_tenant_the_others_automation_does_not_exist() {
    let (database, one, two, _, theirs) = two().await;
    let tenant = database.as_tenant(one.user).await;
    let execution = database.executions(theirs).await[0].id;
    let said = |error: tokio_postgres::Error| {
        error
            .as_db_error()
            .map(|e| e.message().to_owned())
            .unwrap_or_default()
    };
    let real = tenant
        .query("SELECT automations.run($1, '{}')", &[&theirs])
        .await
        .expect_err("ran the other's");
    let nobodys = Uuid::now_v7();
    let none = tenant
        .query("SELECT automations.run($1, '{}')", &[&nobodys])
        .await
        .expect_err("ran nobody's");
    assert_eq!(
        said(real).replace(&theirs.to_string(), ""),
        said(none).replace(&nobodys.to_string(), "")
    );
    // One that is over, and one that waits in the queue: nobody runs here any more.
    let pending = database.start(theirs, json!({})).await;
    for (call, for_nobody) in [
        ("SELECT automations.cancel($1)::text", Ok(Some("false"))),
        ("SELECT automations.queue_position($1)::text", Ok(None)),
        ("SELECT status FROM automations.wait($1, '10ms')", Err("P0002")),
    ] {
        for id in [Uuid::now_v7(), execution, pending] {
            let answer = match tenant.query_one(call, &[&id]).await {
                Ok(row) => Ok(row.get::<_, Option<String>>(0)),
                Err(error) => Err(error.code().map(|code| code.code().to_owned())),
            };
            let answer = match &answer {
                Ok(value) => Ok(value.as_deref()),
                Err(code) => Err(code.as_deref().unwrap_or_default()),
            };
            assert_eq!(answer, for_nobody, "{call}");
        }
    }
    assert_eq!(database.ended(execution).await.status, "completed");
    assert_eq!(database.execution(pending).await.unwrap().status, "pending");
    // The one whose it is may.
    let owner = database.as_tenant(two.user).await;
    let cancelled = owner
        .query_one("SELECT automations.cancel($1)", &[&pending])
        .await;
    assert!(cancelled.unwrap().get::<_, bool>(0));
}

#[tokio::test]
async fn a_tenant_cannot_link_his_automation_to_the_others_agent_or_account() {
    let (database, one, two, mine, _) = two().await;
    let tenant = database.as_tenant(one.user).await;
    for (change, value) in [("agent_id", two.agent), ("user_id", two.user)] {
        let update = format!("UPDATE public.automations SET {change} = $2 WHERE id = $1");
        tenant.execute(&update, &[&mine, &value]).await.expect_err(change);
    }
}

#[tokio::test]
async fn a_tenant_cannot_reach_a_partition_and_reads_nothing_of_the_other_in_the_machinery() {
    let (database, one, two, _, theirs) = two().await;
    // Something of the other's in the queue, too.
    two.lead(&database, "Bob's second").await;
    let tenant = database.as_tenant(one.user).await;
    let tables = database
        .owner
        .query(
            "SELECT c.oid::regclass::text, c.relispartition FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
              WHERE n.nspname = 'automations' AND c.relkind IN ('r', 'p', 'v')",
            &[],
        )
        .await
        .unwrap();
    let mut partitions = 0;
    for row in &tables {
        let (table, partition): (&str, bool) = (row.get(0), row.get(1));
        let delete = format!("DELETE FROM {table}");
        let error = tenant.execute(&delete, &[]).await.expect_err(&delete);
        // from a view that joins two tables nobody can delete, whatever his rights
        let refused = match table {
            "automations.pending" | "automations.recorded_steps" => "55000",
            _ => "42501",
        };
        assert_eq!(
            error.code().map(|code| code.code()),
            Some(refused),
            "{delete}: {error:?}"
        );
        let others = format!("SELECT count(*) FROM {table} t WHERE t::text LIKE ANY (ARRAY[$1, $2])");
        let (user, automation) = (format!("%{}%", two.user), format!("%{theirs}%"));
        match tenant.query_one(&others, &[&user, &automation]).await {
            Err(error) => assert_eq!(
                error.code().map(|code| code.code()),
                Some("42501"),
                "{table}: {error:?}"
            ),
            Ok(row) => {
                assert!(
                    !partition,
                    "{table} can be read past its parent's row level security"
                );
                assert_eq!(row.get::<_, i64>(0), 0, "{table}");
            }
        }
        partitions += usize::from(partition);
    }
    assert!(partitions >= 4, "no partition was tried: {partitions}");
}

#[tokio::test]
async fn a_node_neither_reads_nor_changes_the_rows_of_another_account() {
    let database = Database::fresh().await;
    let (one, two) = (Account::new(&database).await, Account::new(&database).await);
    // The owner of the one is also a member of the other: row level security alone would show him both.
    let member = "INSERT INTO public.account_members (account_id, member_id) VALUES ($1, $2)";
    database
        .owner
        .execute(member, &[&two.user, &one.user])
        .await
        .unwrap();
    let theirs = two.lead(&database, "Bob").await;
    one.lead(&database, "Ada").await;
    let all = json!([{"column": "created_at", "operator": "is_not_null"}]);
    let db = |config: serde_json::Value| json!({"config": config, "onError": "continue"});
    let graph = Graph::from("trigger-manual")
        .node_with("find", "action-db", db(json!({"operation": "find", "table": "leads"})))
        .node_with("update", "action-db", db(json!({"operation": "update", "table": "leads", "values": {"score": 9}, "where": all})))
        .node_with("move", "action-db", db(json!({"operation": "update", "table": "leads", "values": {"user_id": two.user}, "where": all})))
        .node_with("create", "action-db", db(json!({"operation": "create", "table": "leads", "values": {"name": "planted", "user_id": two.user}})))
        .node_with("lead", "action-update-lead", db(json!({"leadId": theirs, "updates": {"score": 9}})))
        .node_with("delete", "action-db", db(json!({"operation": "delete", "table": "leads", "where": {"id": theirs}})))
        .chain(&["start", "find", "update", "move", "create", "lead", "delete"]);
    let automation = one.manual(&database, "greedy", &graph).await;
    let _daemon = Daemon::start(&database).await;

    let id = database.start(automation, json!({})).await;

    let execution = database.ended(id).await.completed();
    let found = execution.node("find")["output"].to_string();
    assert!(found.contains("Ada") && !found.contains("Bob"), "{found}");
    let row: i32 = database
        .value("SELECT score FROM public.leads WHERE id = $1", &[&theirs])
        .await;
    assert_eq!(row, 0);
    let of_two = "SELECT count(*) FROM public.leads WHERE user_id = $1";
    assert_eq!(database.value::<i64>(of_two, &[&two.user]).await, 1);
    assert_eq!(database.value::<i64>(of_two, &[&one.user]).await, 1);
    assert_eq!(execution.node("lead")["status"], "failed");
}

#[tokio::test]
async fn a_table_that_was_not_registered_is_refused() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    database
        .run("CREATE TABLE public.vault (secret text); GRANT ALL ON public.vault TO authenticated")
        .await;
    for table in [
        "vault",
        "public.vault",
        "automations.queue",
        "pg_authid",
        "leads; DROP TABLE public.leads",
    ] {
        let config = json!({"operation": "find", "table": table});
        let graph = Graph::from("trigger-manual")
            .node("find", "action-db", config)
            .edge("start", "find");
        let saved = account
            .try_automation(&database, table, "manual", json!({}), &graph)
            .await;
        let Ok(automation) = saved else { continue };
        let daemon = Daemon::start(&database).await;
        let id = database.start(automation, json!({})).await;
        let execution = database.ended(id).await;
        assert_eq!(
            (execution.status.as_str(), execution.error_node.as_deref()),
            ("failed", Some("find")),
            "{table}"
        );
        daemon.stop().await;
    }
}

#[tokio::test]
async fn a_stored_execution_of_another_accounts_lead_is_refused() {
    let (database, _, two, mine, _) = two().await;
    let theirs = two.lead(&database, "Bob").await;
    let insert =
        "INSERT INTO public.automation_executions (automation_id, trigger_type, lead_id, trigger_data)
        VALUES ($1, 'manual', $2, $3)";
    let error = database
        .owner
        .execute(insert, &[&mine, &theirs, &Json(json!({}))])
        .await;
    assert!(
        error.is_err(),
        "an execution was linked to another account's lead"
    );
}
