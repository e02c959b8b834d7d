//! The application has triggers and transactions of its own, and they may be as odd as they like.

use end_to_end::{Account, Daemon, Database, Graph, waiting};
use serde_json::json;

fn note() -> Graph {
    Graph::from("trigger-event")
        .set("note", "seen", json!(true))
        .edge("start", "note")
}

/// Sets the score of the execution's lead, as the tenant.
fn score() -> Graph {
    Graph::from("trigger-event")
        .node("score", "action-update-lead", json!({"updates": {"score": 70}}))
        .edge("start", "score")
}

#[tokio::test]
async fn an_automation_deleted_by_another_transaction_neither_blocks_nor_fails_the_insert() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let automation = account.on_new_lead(&database, "doomed", &note()).await;
    let kept = account.on_new_lead(&database, "kept", &note()).await;
    let _daemon = Daemon::start(&database).await;
    let other = database.another_session().await;
    other.batch_execute("BEGIN").await.unwrap();
    other
        .execute("DELETE FROM public.automations WHERE id = $1", &[&automation])
        .await
        .unwrap();

    // Must not wait for the other transaction: that one ends only below.
    account.lead(&database, "Ada").await;
    other.batch_execute("COMMIT").await.unwrap();

    database.only(kept).await.completed();
    waiting::until("the row of the deleted automation to leave the queue", || async {
        (database.count("SELECT count(*) FROM automations.queue").await == 0).then_some(())
    })
    .await;
    assert!(database.executions(automation).await.is_empty());
}

#[tokio::test]
async fn a_lead_that_a_trigger_of_the_application_deletes_at_once_leaves_an_execution_without_a_lead() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let automation = account.on_new_lead(&database, "vanishing", &note()).await;
    let _daemon = Daemon::start(&database).await;
    database
        .run(
            "CREATE FUNCTION public.vanish() RETURNS trigger LANGUAGE plpgsql AS
                 'BEGIN DELETE FROM public.leads WHERE id = NEW.id; RETURN NULL; END';
             CREATE TRIGGER a_vanish AFTER INSERT ON public.leads FOR EACH ROW EXECUTE FUNCTION public.vanish()",
        )
        .await;

    account.lead(&database, "Ada").await;

    let execution = database.only(automation).await.completed();
    assert_eq!(execution.lead_id, None);
    assert_eq!(
        database
            .count("SELECT count(*) FROM public.leads WHERE name = 'Ada'")
            .await,
        0
    );
}

#[tokio::test]
async fn a_deferred_trigger_under_a_database_node_runs_as_the_tenant() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    database
        .run(
            "CREATE TABLE public.acted (who text, claims text);
             GRANT INSERT ON public.acted TO authenticated;
             CREATE FUNCTION public.note_who() RETURNS trigger LANGUAGE plpgsql AS
                 'BEGIN INSERT INTO public.acted VALUES (current_user, current_setting(''request.jwt.claims'', true));
                        RETURN NULL; END';
             CREATE CONSTRAINT TRIGGER z_note AFTER UPDATE ON public.leads DEFERRABLE INITIALLY DEFERRED
                 FOR EACH ROW EXECUTE FUNCTION public.note_who()",
        )
        .await;
    let automation = account.on_new_lead(&database, "score", &score()).await;
    let _daemon = Daemon::start(&database).await;

    account.lead(&database, "Ada").await;

    database.only(automation).await.completed();
    let who: String = database.value("SELECT who FROM public.acted", &[]).await;
    let claims: String = database.value("SELECT claims FROM public.acted", &[]).await;
    assert_eq!(who, "authenticated");
    assert!(claims.contains(&account.user.to_string()), "{claims}");
}

#[tokio::test]
async fn a_trigger_that_takes_the_role_off_fails_the_step_and_changes_nothing() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    database
        .run(
            "CREATE FUNCTION public.take_off() RETURNS trigger LANGUAGE plpgsql AS
                 $$BEGIN PERFORM set_config('role', 'none', true); RETURN NEW; END$$;
             CREATE TRIGGER take_off BEFORE UPDATE ON public.leads FOR EACH ROW EXECUTE FUNCTION public.take_off()",
        )
        .await;
    let automation = account.on_new_lead(&database, "score", &score()).await;
    let other = account
        .manual(&database, "other", &Graph::from("trigger-manual"))
        .await;
    let _daemon = Daemon::start(&database).await;

    let lead = account.lead(&database, "Ada").await;

    let execution = database.only(automation).await;
    assert_eq!(
        (execution.status.as_str(), execution.error_node.as_deref()),
        ("failed", Some("score"))
    );
    let score: Option<i32> = database
        .value("SELECT score FROM public.leads WHERE id = $1", &[&lead])
        .await;
    assert_ne!(score, Some(70));
    // And the session that saw it serves the next one as if nothing had been.
    let next = database.start(other, json!({})).await;
    database.ended(next).await.completed();
}

#[tokio::test]
async fn claims_that_a_trigger_changed_do_not_outlive_their_step() {
    let database = Database::fresh().await;
    let (account, other) = (Account::new(&database).await, Account::new(&database).await);
    let theirs = other.lead(&database, "Bob").await;
    database
        .run(&format!(
            "CREATE FUNCTION public.pretend() RETURNS trigger LANGUAGE plpgsql AS
                 $$BEGIN PERFORM set_config('request.jwt.claims', '{{\"sub\": \"{}\"}}', true); RETURN NEW; END$$;
             CREATE TRIGGER pretend AFTER UPDATE ON public.leads FOR EACH ROW EXECUTE FUNCTION public.pretend()",
            other.user
        ))
        .await;
    let graph = Graph::from("trigger-event")
        .node("score", "action-update-lead", json!({"updates": {"score": 70}}))
        .node(
            "find",
            "action-db",
            json!({"operation": "find", "table": "leads"}),
        )
        .chain(&["start", "score", "find"]);
    let automation = account.on_new_lead(&database, "pretender", &graph).await;
    let _daemon = Daemon::start(&database).await;

    account.lead(&database, "Ada").await;

    let execution = database.only(automation).await.completed();
    let found = execution.node("find")["output"].to_string();
    assert!(
        found.contains("Ada") && !found.contains(&theirs.to_string()),
        "{found}"
    );
}
