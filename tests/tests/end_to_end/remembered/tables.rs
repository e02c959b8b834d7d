//! What is watched is changed: tables are altered, moved, installed anew.

use serde_json::json;

use super::{Warm, nothing};

#[tokio::test]
async fn a_table_that_is_no_longer_watched_and_watched_again_is_heard_accordingly() {
    let warm = Warm::new().await;
    warm.listen("INSERT").await;
    warm.lead().await;
    warm.database
        .run("SELECT automations.unwatch('public.leads')")
        .await;
    warm.lead().await;
    assert_eq!(warm.heard().await, 1);
    warm.database
        .run("SELECT automations.watch('public.leads', 'lead', 'user_id')")
        .await;
    warm.lead().await;
    assert_eq!(warm.heard().await, 1);
    // The triggers stay, and nobody's source is behind them.
    warm.database
        .run("DELETE FROM automations.sources WHERE source = 'lead'")
        .await;
    warm.lead().await;
    assert_eq!(warm.heard().await, 0);
}

#[tokio::test]
async fn a_table_that_is_altered_and_renamed_is_read_as_it_is() {
    let warm = Warm::new().await;
    warm.listen("INSERT").await;
    warm.lead().await;
    assert_eq!(warm.heard().await, 1);
    warm.database
        .run(
            "ALTER TABLE public.leads ADD COLUMN shade text DEFAULT 'green';
             ALTER TABLE public.leads DROP COLUMN notes;
             ALTER TABLE public.leads RENAME TO prospects;
             CREATE VIEW public.leads AS SELECT * FROM public.prospects",
        )
        .await;
    warm.run(&format!(
        "INSERT INTO public.prospects (user_id, name) VALUES ('{}', 'Ada')",
        warm.account.user
    ))
    .await;
    let row = "SELECT concat_ws(' ', q.trigger_data ->> 'table', q.trigger_data #>> '{new,shade}',
                                q.trigger_data -> 'new' ? 'notes') FROM automations.queue q";
    assert_eq!(warm.database.value::<String>(row, &[]).await, "prospects green f");

    // What leads to the owner is gone: put down, and heard again when it is back.
    warm.database
        .run("ALTER TABLE public.prospects RENAME COLUMN user_id TO owner")
        .await;
    warm.run(&format!(
        "INSERT INTO public.prospects (owner, name) VALUES ('{}', 'Ada')",
        warm.account.user
    ))
    .await;
    assert_eq!(warm.heard().await, 1);
    assert_eq!(
        warm.database
            .count("SELECT count(*) FROM automations.missed")
            .await,
        1
    );
    warm.database
        .run("ALTER TABLE public.prospects RENAME COLUMN owner TO user_id")
        .await;
    warm.run(&format!(
        "INSERT INTO public.prospects (user_id, name) VALUES ('{}', 'Ada')",
        warm.account.user
    ))
    .await;
    assert_eq!(warm.heard().await, 1);
}

#[tokio::test]
async fn leaves_that_come_and_go_are_heard_as_what_they_are() {
    let warm = Warm::new().await;
    warm.database
        .run(
            "CREATE TABLE public.orders (id bigint, user_id uuid, note text) PARTITION BY RANGE (id);
             CREATE TABLE public.orders_1 PARTITION OF public.orders FOR VALUES FROM (0) TO (100);
             SELECT automations.watch('public.orders', 'order')",
        )
        .await;
    let config = json!({"event_source": "order", "event_type": "any"});
    warm.account
        .automation(&warm.database, "orders", "event", config, &nothing())
        .await;
    let user = warm.account.user;
    let into = |table: &str| format!("INSERT INTO public.{table} VALUES (1, '{user}', 'n')");
    for _ in 0..2 {
        warm.run(&into("orders")).await;
        warm.run(&into("orders_1")).await;
        assert_eq!(warm.heard().await, 2);
    }
    warm.database
        .run("ALTER TABLE public.orders DETACH PARTITION public.orders_1")
        .await;
    warm.run(&into("orders_1")).await;
    assert_eq!(warm.heard().await, 0);
    warm.database
        .run("ALTER TABLE public.orders ATTACH PARTITION public.orders_1 FOR VALUES FROM (0) TO (100)")
        .await;
    warm.run(&into("orders_1")).await;
    warm.run(&into("orders")).await;
    assert_eq!(warm.heard().await, 2);
}

#[tokio::test]
async fn a_session_survives_that_everything_is_taken_away_and_installed_again() {
    let warm = Warm::new().await;
    warm.listen("INSERT").await;
    warm.lead().await;
    assert_eq!(warm.heard().await, 1);
    let superuser = warm.database.superuser().await;
    superuser
        .batch_execute("SELECT automations.uninstall()")
        .await
        .unwrap();
    warm.lead().await;
    superuser
        .batch_execute("DROP EXTENSION automations")
        .await
        .unwrap();
    warm.lead().await;
    superuser
        .batch_execute("CREATE EXTENSION automations; SELECT automations.install()")
        .await
        .unwrap();
    warm.lead().await;
    warm.listen("INSERT").await;
    warm.lead().await;
    assert_eq!(warm.heard().await, 1);
    // Only the functions go, and the triggers with them: nobody announces what happens to the tables then.
    superuser
        .batch_execute("DROP EXTENSION automations CASCADE; DELETE FROM automations.listeners")
        .await
        .unwrap();
    warm.lead().await;
    assert_eq!(warm.heard().await, 0);
    superuser
        .batch_execute("CREATE EXTENSION automations; SELECT automations.install()")
        .await
        .unwrap();
    warm.lead().await;
    assert_eq!(warm.heard().await, 1);
    warm.database
        .run("UPDATE public.automations SET enabled = false")
        .await;
    warm.lead().await;
    assert_eq!(warm.heard().await, 0);
}

#[tokio::test]
async fn a_queue_that_is_altered_takes_rows_as_it_is() {
    let warm = Warm::new().await;
    warm.listen("INSERT").await;
    warm.lead().await;
    let superuser = warm.database.superuser().await;
    for (alter, value) in [
        ("ALTER TABLE automations.queue ADD COLUMN extra integer DEFAULT 7", "extra::text"),
        ("ALTER TABLE automations.queue ADD COLUMN made timestamptz DEFAULT clock_timestamp()", "(made IS NOT NULL)::text"),
        (
            "CREATE FUNCTION public.shout() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN NEW.trigger_type := 'shouted'; RETURN NEW; END $$;
             CREATE TRIGGER shout BEFORE INSERT ON automations.queue FOR EACH ROW EXECUTE FUNCTION public.shout()",
            "trigger_type",
        ),
        ("DROP TRIGGER shout ON automations.queue", "trigger_type"),
        ("ALTER TABLE automations.queue DROP COLUMN made, DROP COLUMN extra", "priority::text"),
        ("CREATE INDEX by_version ON automations.queue (version)", "version::text"),
    ] {
        warm.heard().await;
        superuser.batch_execute(alter).await.unwrap();
        warm.lead().await;
        warm.run(&format!("INSERT INTO public.leads (user_id, name) SELECT '{}', 'l' FROM generate_series(1, 300)", warm.account.user)).await;
        let query = format!("SELECT string_agg(DISTINCT concat_ws(' ', {value}, q.attempt, q.crashes, q.test_mode), ',') FROM automations.queue q");
        let expected = match value {
            "extra::text" => "7 0 0 f",
            "(made IS NOT NULL)::text" => "true 0 0 f",
            "trigger_type" if alter.starts_with("CREATE") => "shouted 0 0 f",
            "trigger_type" => "event 0 0 f",
            "priority::text" => "0 0 0 f",
            _ => "1 0 0 f",
        };
        assert_eq!(warm.database.value::<String>(&query, &[]).await, expected, "{alter}");
        assert_eq!(warm.heard().await, 301, "{alter}");
    }
}
