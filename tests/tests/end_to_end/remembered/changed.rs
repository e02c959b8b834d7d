//! Who listens is changed by another session.

use end_to_end::Account;

use super::{Warm, nothing};

#[tokio::test]
async fn an_automation_made_changed_paused_resumed_and_deleted_by_another_session_counts_at_once() {
    let warm = Warm::new().await;
    let automation = warm.listen("INSERT").await;
    let change = async |set: &str| {
        let statement = format!("UPDATE public.automations SET {set} WHERE id = '{automation}'");
        warm.database.run(&statement).await;
        warm.lead().await;
        warm.heard().await
    };
    warm.lead().await;
    assert_eq!(warm.heard().await, 1, "made");
    assert_eq!(
        change("trigger_config = trigger_config || '{\"event_type\": \"UPDATE\"}'").await,
        0
    );
    assert_eq!(
        change("trigger_config = trigger_config || '{\"event_type\": \"any\"}'").await,
        1
    );
    assert_eq!(change("enabled = false").await, 0);
    assert_eq!(change("enabled = true").await, 1);
    assert_eq!(change("status = 'paused'").await, 0);
    assert_eq!(change("status = 'active'").await, 1);
    let never = "'{\"conditions\": {\"rules\": [{\"field\": \"new.name\", \"operator\": \"equals\", \"value\": \"Bob\"}]}}'";
    assert_eq!(
        change(&format!("trigger_config = trigger_config || {never}")).await,
        0
    );
    assert_eq!(change("trigger_config = trigger_config - 'conditions'").await, 1);
    let stranger = Account::new(&warm.database).await;
    let handed = format!("user_id = '{}', agent_id = '{}'", stranger.user, stranger.agent);
    assert_eq!(change(&handed).await, 0);

    let own = warm.listen("INSERT").await;
    warm.lead().await;
    assert_eq!(warm.heard().await, 1);
    let delete = "DELETE FROM public.automations WHERE id = $1";
    warm.database.owner.execute(delete, &[&own]).await.unwrap();
    warm.lead().await;
    assert_eq!(warm.heard().await, 0, "deleted");
}

#[tokio::test]
async fn it_counts_in_the_middle_of_a_transaction_at_every_level_of_isolation() {
    for level in ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"] {
        let warm = Warm::new().await;
        warm.run(&format!(
            "BEGIN ISOLATION LEVEL {level}; SELECT count(*) FROM public.leads"
        ))
        .await;
        warm.lead().await;
        let automation = warm.listen("INSERT").await;
        warm.lead().await;
        warm.run("SAVEPOINT here").await;
        let delete = "DELETE FROM public.automations WHERE id = $1";
        warm.database.owner.execute(delete, &[&automation]).await.unwrap();
        warm.lead().await;
        warm.run("COMMIT").await;
        assert_eq!(warm.heard().await, 1, "{level}");
    }
}

#[tokio::test]
async fn a_session_that_knew_nothing_yet_remembers_what_is_newest_and_not_its_old_snapshot() {
    let warm = Warm::new().await;
    let fresh = warm.database.another_session().await;
    let old = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM public.leads";
    fresh.batch_execute(old).await.unwrap();
    let automation = warm.listen("INSERT").await;
    warm.insert(&fresh).await;
    warm.insert(&fresh).await;
    fresh.batch_execute("COMMIT").await.unwrap();
    assert_eq!(warm.heard().await, 2);
    warm.insert(&fresh).await;
    assert_eq!(warm.heard().await, 1);

    fresh.batch_execute(old).await.unwrap();
    let delete = "DELETE FROM public.automations WHERE id = $1";
    warm.database.owner.execute(delete, &[&automation]).await.unwrap();
    warm.insert(&fresh).await;
    fresh.batch_execute("COMMIT").await.unwrap();
    warm.insert(&fresh).await;
    assert_eq!(warm.heard().await, 0);
}

#[tokio::test]
async fn rows_that_a_truncate_or_the_replica_role_takes_away_are_forgotten_too() {
    let warm = Warm::new().await;
    let superuser = warm.database.superuser().await;
    for gone in [
        "TRUNCATE automations.listeners",
        "SET session_replication_role = replica; DELETE FROM automations.listeners; RESET session_replication_role",
    ] {
        warm.database.run("DELETE FROM public.automations").await;
        warm.listen("INSERT").await;
        warm.lead().await;
        assert_eq!(warm.heard().await, 1, "{gone}");
        superuser.batch_execute(gone).await.unwrap();
        warm.lead().await;
        assert_eq!(warm.heard().await, 0, "{gone}");
    }
}

#[tokio::test]
async fn where_changes_are_not_announced_nothing_is_remembered() {
    for without in [
        "DROP TRIGGER announce_rows ON automations.listeners",
        "DROP TRIGGER announce_truncate ON automations.sources",
        "ALTER TABLE automations.listeners ENABLE TRIGGER announce_rows",
        "ALTER TABLE automations.listeners DISABLE TRIGGER announce_rows",
        "DROP TRIGGER announce_rows ON automations.listeners;
         CREATE TRIGGER announce_rows AFTER INSERT OR DELETE OR UPDATE OF event ON automations.listeners
            FOR EACH ROW EXECUTE FUNCTION automations.announce_listeners();
         ALTER TABLE automations.listeners ENABLE ALWAYS TRIGGER announce_rows",
    ] {
        let warm = Warm::new().await;
        let statements = format!("{without}; SET session_replication_role = replica");
        let superuser = warm.database.superuser().await;
        superuser.batch_execute(&statements).await.unwrap();
        warm.lead().await;
        // As another version's function would write it, in a session whose triggers do not fire.
        let made = "INSERT INTO automations.listeners (source, account_id, automation_id, version, event)
            SELECT 'lead', $1, a.id, a.version, 'INSERT' FROM public.automations a LIMIT 1";
        superuser.execute(made, &[&warm.account.user]).await.unwrap();
        warm.lead().await;
        assert_eq!(warm.heard().await, 1, "{without}");
    }
}

#[tokio::test]
async fn the_first_listener_of_a_source_is_heard_by_a_session_that_knew_of_none() {
    let warm = Warm::new().await;
    warm.database.run("DELETE FROM public.automations").await;
    let conversation = format!(
        "INSERT INTO public.conversations (agent_id) VALUES ('{}')",
        warm.account.agent
    );
    warm.run(&conversation).await;
    warm.run(&conversation).await;
    let config = serde_json::json!({"event_source": "conversation", "event_type": "INSERT"});
    warm.account
        .automation(&warm.database, "first", "event", config, &nothing())
        .await;
    warm.run(&conversation).await;
    assert_eq!(warm.heard().await, 1);
}
