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
