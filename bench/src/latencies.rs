//! Times of single executions: inserts at a steady pace, then when what of them was committed, all by the server's commit
//! timestamps, so that neither polling nor a client's clock is measured.

use std::collections::HashMap;
use std::time::Duration;

use end_to_end::Account;
use uuid::Uuid;

use crate::stage::Stage;

/// An insert: the lead and the transaction's id.
type Inserted = (Uuid, String);

/// Milliseconds from the commit of each insert.
#[derive(Debug, Default)]
pub struct Latencies {
    /// To the request of the first node that acts.
    pub requested: Vec<f64>,
    /// To the beginning of the first node after the trigger.
    pub first_node: Vec<f64>,
    /// To the commit that updated the lead.
    pub updated: Vec<f64>,
    /// To the commit of the result.
    pub completed: Vec<f64>,
}

/// Inserts single leads of an account at this pace.
pub async fn insert(stage: &Stage, account: &Account, count: u32, pause: Duration) -> Vec<Inserted> {
    let query = "INSERT INTO public.leads (user_id, name, email, phone, source)
        VALUES ($1, 'Ada Lovelace', 'ada@example.com', '+1 555 0100', 'web')
        RETURNING id, pg_current_xact_id()::text";
    let session = &stage.database.owner;
    let statement = session.prepare(query).await.expect("prepare the insert");
    let mut tick = tokio::time::interval(pause);
    let mut inserted = Vec::new();
    for _ in 0..count {
        tick.tick().await;
        let row = session
            .query_one(&statement, &[&account.user])
            .await
            .expect("insert a lead");
        inserted.push((row.get(0), row.get(1)));
    }
    inserted
}

/// Waits for the executions of these leads and times them. `arrivals`: when the request of each came.
pub async fn of(
    stage: &Stage,
    inserted: &[Inserted],
    arrivals: impl Fn() -> HashMap<Uuid, f64>,
) -> Latencies {
    let leads: Vec<Uuid> = inserted.iter().map(|(lead, _)| *lead).collect();
    let transactions: Vec<&str> = inserted
        .iter()
        .map(|(_, transaction)| transaction.as_str())
        .collect();
    let done = "SELECT count(*) FROM public.automation_executions e
        WHERE e.lead_id = ANY ($1) AND e.status = 'completed'";
    let mut looks = 0;
    while stage.database.value::<i64>(done, &[&leads]).await < leads.len() as i64 {
        looks += 1;
        assert!(looks < 600, "executions that never completed");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let rows = stage
        .superuser
        .query(include_str!("../sql/latencies.sql"), &[&leads, &transactions])
        .await
        .expect("commit timestamps");
    assert_eq!(rows.len(), leads.len(), "each lead has one execution");
    let arrivals = arrivals();
    let mut latencies = Latencies::default();
    for row in &rows {
        let (lead, began): (Uuid, f64) = (row.get(0), row.get(1));
        let since = |at: f64| (at - began) * 1000.0;
        latencies
            .first_node
            .extend(row.get::<_, Option<f64>>(2).map(since));
        latencies.updated.push(since(row.get(3)));
        latencies.completed.push(since(row.get(4)));
        latencies
            .requested
            .extend(arrivals.get(&lead).copied().map(since));
    }
    latencies
}
