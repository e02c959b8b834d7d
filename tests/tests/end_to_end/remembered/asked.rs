//! What a session remembers it does not ask again.

use end_to_end::Account;
use serde_json::json;

use super::{Warm, nothing};

/// The relations of the machinery that the transaction has touched.
const TOUCHED: &str = "SELECT coalesce(string_agg(l.relation::regclass::text, ' ' ORDER BY 1), '')
    FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
    WHERE l.pid = pg_backend_pid() AND c.relkind = 'r' AND c.relnamespace = 'automations'::regnamespace";

impl Warm {
    /// What the session touches of the machinery in a transaction with this statement.
    async fn touched_by(&self, statement: &str) -> String {
        self.run("BEGIN").await;
        self.run(statement).await;
        let touched = self.session.query_one(TOUCHED, &[]).await.unwrap().get(0);
        self.run("ROLLBACK").await;
        touched
    }

    fn an_insert(&self) -> String {
        let user = self.account.user;
        format!("INSERT INTO public.leads (user_id, name) SELECT '{user}', 'Ada' FROM generate_series(1, 3)")
    }
}

#[tokio::test]
async fn a_statement_that_nobody_hears_touches_no_table_of_ours() {
    let warm = Warm::new().await;
    warm.listen("DELETE").await;
    warm.lead().await;

    assert_eq!(warm.touched_by(&warm.an_insert()).await, "");
}

#[tokio::test]
async fn a_statement_that_somebody_hears_touches_the_queue_alone() {
    let warm = Warm::new().await;
    warm.listen("INSERT").await;
    warm.lead().await;

    assert_eq!(warm.touched_by(&warm.an_insert()).await, "automations.queue");
}

#[tokio::test]
async fn an_update_of_a_column_that_nobody_listens_to_creates_nothing_and_asks_nothing() {
    let warm = Warm::new().await;
    let config = json!({"event_source": "lead", "event_type": "UPDATE", "columns": ["status", "notes"]});
    warm.account
        .automation(&warm.database, "columns", "event", config, &nothing())
        .await;
    // long enough to be stored out of line, and not compressed
    warm.run(
        "ALTER TABLE public.leads ALTER COLUMN notes SET STORAGE EXTERNAL;
         UPDATE public.leads SET notes = repeat('n', 10000)",
    )
    .await;
    assert_eq!(warm.heard().await, 2);

    warm.run("UPDATE public.leads SET name = 'Grace'").await;
    let rewritten = "UPDATE public.leads SET name = 'Ada', status = status, notes = notes";
    assert_eq!(warm.touched_by(rewritten).await, "");
    assert_eq!(warm.heard().await, 0);

    // The same value stored anew takes a closer look, and is no change either.
    warm.run("UPDATE public.leads SET notes = repeat('n', 9999) || 'n', name = 'x'")
        .await;
    assert_eq!(warm.heard().await, 0);
    warm.run("UPDATE public.leads SET notes = repeat('n', 9999) || 'm'")
        .await;
    assert_eq!(warm.heard().await, 2);
}

#[tokio::test]
async fn more_accounts_than_a_session_remembers_are_heard_as_they_should_be() {
    let warm = Warm::new().await;
    warm.listen("INSERT").await;
    let strangers = "INSERT INTO public.leads (user_id, name)
        SELECT gen_random_uuid(), 'stranger' FROM generate_series(1, 25000)";
    warm.run(strangers).await;
    warm.lead().await;
    assert_eq!(warm.heard().await, 1);

    let mixed = format!(
        "INSERT INTO public.leads (user_id, name)
         SELECT CASE WHEN i % 1000 = 0 THEN '{}'::uuid ELSE gen_random_uuid() END, 'mixed'
           FROM generate_series(1, 25000) i",
        warm.account.user
    );
    warm.run(&mixed).await;
    assert_eq!(warm.heard().await, 25);
}

#[tokio::test]
async fn an_account_with_more_automations_than_a_session_remembers_is_heard_by_all_of_them() {
    let warm = Warm::new().await;
    let automation = warm.listen("INSERT").await;
    let copies = "INSERT INTO public.automations
               (user_id, agent_id, name, status, enabled, trigger_type, trigger_config, nodes, edges)
        SELECT a.user_id, a.agent_id, 'copy', a.status, a.enabled, a.trigger_type, a.trigger_config, a.nodes, a.edges
          FROM public.automations a, generate_series(1, 1199) WHERE a.id = $1";
    warm.database.owner.execute(copies, &[&automation]).await.unwrap();

    for _ in 0..2 {
        warm.lead().await;
        assert_eq!(warm.heard().await, 1200);
    }
    let other = Account::new(&warm.database).await;
    let unheard = format!(
        "INSERT INTO public.leads (user_id, name) VALUES ('{}', 'Ada')",
        other.user
    );
    warm.run(&unheard).await;
    assert_eq!(warm.touched_by(&unheard).await, "");
    let updated = format!(
        "UPDATE public.leads SET name = 'x' WHERE user_id = '{}'",
        warm.account.user
    );
    warm.touched_by(&updated).await;
    assert_eq!(warm.touched_by(&updated).await, "");
}
