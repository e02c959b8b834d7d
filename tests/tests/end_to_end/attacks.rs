//! What takes more than one session or another owner's database to attack: each of these went through once.

use end_to_end::{Account, Daemon, Database, Graph, Receiver};
use serde_json::json;
use uuid::Uuid;

/// The operators that the extension's script would find in the schema of whoever asks for it.
#[tokio::test]
async fn an_owner_of_a_database_stays_what_he_is_when_he_creates_the_extension() {
    let database = Database::empty().await;
    database
        .run(
            "CREATE SCHEMA automations;
             CREATE TABLE public.ran_as (who text);
             CREATE FUNCTION automations.same(oid, regnamespace) RETURNS boolean LANGUAGE plpgsql AS
                 'BEGIN INSERT INTO public.ran_as VALUES (current_user); RETURN true; END';
             CREATE FUNCTION automations.same(oid, regclass) RETURNS boolean LANGUAGE plpgsql AS
                 'BEGIN INSERT INTO public.ran_as VALUES (current_user); RETURN true; END';
             CREATE FUNCTION automations.format(text, regprocedure) RETURNS text LANGUAGE plpgsql AS
                 'BEGIN INSERT INTO public.ran_as VALUES (current_user); RETURN ''SELECT 1''; END';
             CREATE OPERATOR automations.= (leftarg = oid, rightarg = regnamespace, function = automations.same);
             CREATE OPERATOR automations.= (leftarg = oid, rightarg = regclass, function = automations.same);
             CREATE EXTENSION automations",
        )
        .await;
    assert_eq!(database.count("SELECT count(*) FROM public.ran_as").await, 0);
}

#[tokio::test]
async fn the_extension_does_not_go_into_a_schema_of_a_stranger() {
    let database = Database::empty().await;
    let superuser = database.superuser().await;
    superuser
        .batch_execute("CREATE SCHEMA automations AUTHORIZATION pg_monitor")
        .await
        .unwrap();
    let refused = superuser
        .batch_execute("CREATE EXTENSION automations")
        .await
        .unwrap_err();
    let refused = refused.as_db_error().unwrap();
    assert_eq!(refused.code().code(), "42501");
    assert!(refused.message().contains("belongs to pg_monitor"), "{refused}");
    let there = "SELECT count(*) FROM pg_extension WHERE extname = 'automations'";
    assert_eq!(database.count(there).await, 0);
}

#[tokio::test]
async fn what_one_account_has_locked_keeps_no_other_account_waiting() {
    let database = Database::fresh().await;
    let (locking, waiting) = (Account::new(&database).await, Account::new(&database).await);
    let receiver = Receiver::start().await;
    receiver.hold();
    let send = json!({"method": "POST", "url": receiver.url("/held")});
    let calling = Graph::from("trigger-manual")
        .node("send", "action-http", send)
        .edge("start", "send");
    let calling = locking.manual(&database, "calling", &calling).await;
    let noting = Graph::from("trigger-manual")
        .set("note", "done", json!(true))
        .edge("start", "note");
    let noting = waiting.manual(&database, "noting", &noting).await;
    let _daemon = Daemon::start_reaching(&database, &receiver).await;

    let mut locked: Vec<Uuid> = Vec::new();
    for _ in 0..6 {
        locked.push(database.start(calling, json!({})).await);
    }
    receiver.have(6).await;
    let tenant = database.as_tenant(locking.user).await;
    tenant.batch_execute("BEGIN").await.unwrap();
    let delete = "DELETE FROM public.automation_executions WHERE automation_id = $1";
    assert_eq!(tenant.execute(delete, &[&calling]).await.unwrap(), 6);
    receiver.let_go();
    // all of them want to end now, and nobody may write to them
    for _ in 0..3 {
        let other = database.start(noting, json!({})).await;
        database.ended(other).await.completed();
    }
    tenant.batch_execute("ROLLBACK").await.unwrap();
    for one in locked {
        database.ended(one).await.completed();
    }
    assert_eq!(receiver.requests().len(), 6, "nothing was sent again");
}

/// The transfer itself must succeed; the automation may follow, and stays out of the other account's reach until then.
#[tokio::test]
async fn an_agent_may_change_hands_and_its_automations_may_follow() {
    let database = Database::fresh().await;
    let (ada, bob) = (Account::new(&database).await, Account::new(&database).await);
    let graph = Graph::from("trigger-manual")
        .set("note", "done", json!(true))
        .edge("start", "note");
    let automation = ada.manual(&database, "follows its agent", &graph).await;
    let transfer = "UPDATE public.agents SET user_id = $1 WHERE id = $2";
    let moved = database.owner.execute(transfer, &[&bob.user, &ada.agent]).await;
    assert_eq!(moved.unwrap(), 1);

    let seen = "SELECT count(*) FROM public.automations WHERE id = $1";
    let before: i64 = database
        .as_tenant(bob.user)
        .await
        .query_one(seen, &[&automation])
        .await
        .unwrap()
        .get(0);
    assert_eq!(before, 0, "the automation is still Ada's");
    let follow = "UPDATE public.automations SET user_id = $1 WHERE id = $2";
    let followed = database.owner.execute(follow, &[&bob.user, &automation]).await;
    assert_eq!(followed.unwrap(), 1);
    let back = database.owner.execute(follow, &[&ada.user, &automation]).await;
    let refused = back.unwrap_err();
    assert_eq!(
        refused.as_db_error().unwrap().code().code(),
        "23503",
        "{refused:?}"
    );
}
