//! Who listens is changed by the transaction itself, which may not come to a commit.

use end_to_end::own_cluster::OwnCluster;
use end_to_end::{Database, cluster};
use tokio_postgres::Client;

use super::Warm;

impl Warm {
    /// Statements that give the account one more listener to new leads, for the session that remembers.
    async fn of_its_own(&self) -> String {
        let automation = self.listen("INSERT").await;
        let disable = "UPDATE public.automations SET enabled = false WHERE id = $1";
        self.database
            .owner
            .execute(disable, &[&automation])
            .await
            .unwrap();
        format!("UPDATE public.automations SET enabled = true WHERE id = '{automation}'")
    }
}

#[tokio::test]
async fn a_transaction_hears_with_the_listener_it_has_made_and_forgets_it_with_a_rollback() {
    let warm = Warm::new().await;
    let make = warm.of_its_own().await;
    for take_back in [
        "ROLLBACK",
        "SELECT 1 / 0",
        "ROLLBACK TO here; RELEASE here; COMMIT",
    ] {
        warm.run("BEGIN; SAVEPOINT here").await;
        warm.run(&make).await;
        warm.lead().await;
        let waiting = "SELECT count(*) FROM automations.queue";
        assert_eq!(
            warm.session
                .query_one(waiting, &[])
                .await
                .unwrap()
                .get::<_, i64>(0),
            1
        );
        if let Err(error) = warm.session.batch_execute(take_back).await {
            assert!(error.as_db_error().is_some(), "{error}");
            warm.run("ROLLBACK").await;
        }
        warm.lead().await;
        assert_eq!(warm.heard().await, 0, "{take_back}");
    }
    warm.run("BEGIN").await;
    warm.run(&make).await;
    warm.lead().await;
    warm.run("COMMIT").await;
    warm.lead().await;
    assert_eq!(warm.heard().await, 2);
}

#[tokio::test]
async fn what_follows_a_savepoint_that_was_rolled_back_is_heard_as_before() {
    let warm = Warm::new().await;
    let automation = warm.listen("INSERT").await;
    warm.lead().await;
    warm.run("BEGIN; SAVEPOINT here").await;
    warm.run(&format!(
        "DELETE FROM public.automations WHERE id = '{automation}'"
    ))
    .await;
    warm.lead().await;
    warm.run("ROLLBACK TO here").await;
    warm.lead().await;
    warm.run("COMMIT").await;
    warm.lead().await;
    assert_eq!(warm.heard().await, 3);
}

#[tokio::test]
async fn one_statement_that_makes_a_listener_and_fails_leaves_none_behind() {
    let warm = Warm::new().await;
    let make = warm.of_its_own().await;
    let user = warm.account.user;
    let both = format!(
        "DO $$ BEGIN
             {make};
             INSERT INTO public.leads (user_id, name) VALUES ('{user}', 'Ada');
             PERFORM 1 / 0;
         END $$"
    );
    assert!(warm.session.batch_execute(&both).await.is_err());
    warm.lead().await;
    assert_eq!(warm.heard().await, 0);

    let caught = format!(
        "DO $$ BEGIN
             BEGIN
                 {make};
                 INSERT INTO public.leads (user_id, name) VALUES ('{user}', 'Ada');
                 PERFORM 1 / 0;
             EXCEPTION WHEN division_by_zero THEN
                 INSERT INTO public.leads (user_id, name) VALUES ('{user}', 'Grace');
             END;
         END $$"
    );
    warm.run(&caught).await;
    warm.lead().await;
    assert_eq!(warm.heard().await, 0);
}

#[tokio::test]
async fn an_alteration_that_is_rolled_back_is_not_remembered() {
    let warm = Warm::new().await;
    warm.listen("INSERT").await;
    let last = "SELECT format('%s %s', q.trigger_data -> 'new' ? 'shade', q.trigger_data -> 'new' ? 'notes')
        FROM automations.queue q ORDER BY q.id DESC LIMIT 1";
    let read = async |session: &Client| -> String {
        warm.insert(session).await;
        session.query_one(last, &[]).await.unwrap().get(0)
    };
    let fresh = warm.database.another_session().await;
    for (alter, meanwhile) in [
        (
            "ALTER TABLE automations.listeners DISABLE TRIGGER announce_rows",
            "f t",
        ),
        (
            "ALTER TABLE public.leads ADD COLUMN shade text, DROP COLUMN notes",
            "t f",
        ),
        (
            "ALTER TABLE automations.queue ADD COLUMN extra integer DEFAULT 1",
            "f t",
        ),
    ] {
        fresh.batch_execute("BEGIN").await.unwrap();
        fresh.batch_execute(alter).await.unwrap();
        assert_eq!(read(&fresh).await, meanwhile, "{alter}");
        fresh.batch_execute("ROLLBACK").await.unwrap();
        assert_eq!(read(&fresh).await, "f t", "{alter}");
        assert_eq!(warm.heard().await, 1, "{alter}");
    }
}

#[tokio::test]
async fn a_listener_of_a_prepared_transaction_is_heard_when_it_is_committed() {
    let own = OwnCluster::start(&["max_prepared_transactions=5".to_owned()]).await;
    cluster::use_instead(&own);
    let warm = Warm::of(Database::first_of("postgres").await).await;
    let make = warm.of_its_own().await;
    let prepare = async |end: &str| {
        warm.run("BEGIN").await;
        warm.run(&make).await;
        warm.lead().await;
        warm.run("PREPARE TRANSACTION 'ours'").await;
        warm.lead().await;
        assert_eq!(warm.heard().await, 0);
        warm.database.run(&format!("{end} PREPARED 'ours'")).await;
        warm.lead().await;
        warm.heard().await
    };
    assert_eq!(prepare("ROLLBACK").await, 0);
    assert_eq!(prepare("COMMIT").await, 2);
}
