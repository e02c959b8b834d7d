//! A session remembers who listens, so that what nobody hears costs no query. Whatever anybody changes about it counts
//! for the next statement of every session all the same. No daemon runs here: what was heard stands in the queue.

mod asked;
mod changed;
mod owners;
mod tables;
mod transactions;

use end_to_end::{Account, Database, Graph};
use serde_json::json;
use tokio_postgres::Client;
use uuid::Uuid;

/// A database, an account, and a session of the application that remembers what the account hears of leads.
struct Warm {
    database: Database,
    account: Account,
    session: Client,
}

impl Warm {
    /// Nothing listens.
    async fn new() -> Warm {
        Warm::of(Database::fresh().await).await
    }

    async fn of(database: Database) -> Warm {
        let account = Account::new(&database).await;
        let session = database.another_session().await;
        let warm = Warm {
            database,
            account,
            session,
        };
        // Some other account listens: else the whole source would be known to be unheard.
        Account::new(&warm.database)
            .await
            .on_lead(&warm.database, "of others", "any", &nothing())
            .await;
        warm.lead().await;
        warm.lead().await;
        assert_eq!(warm.heard().await, 0);
        warm
    }

    /// An automation that another session makes, for this event of leads.
    async fn listen(&self, event: &str) -> Uuid {
        self.account
            .on_lead(&self.database, "listener", event, &nothing())
            .await
    }

    /// A new lead by the session that remembers.
    async fn lead(&self) {
        self.insert(&self.session).await;
    }

    async fn insert(&self, session: &Client) {
        let lead = "INSERT INTO public.leads (user_id, name) VALUES ($1, 'Ada')";
        session.execute(lead, &[&self.account.user]).await.expect(lead);
    }

    /// Statements of the session that remembers.
    async fn run(&self, statements: &str) {
        let done = self.session.batch_execute(statements).await;
        done.unwrap_or_else(|error| panic!("{statements}: {error:?}"));
    }

    /// How many changes were heard since the last call.
    async fn heard(&self) -> i64 {
        let gone = "WITH gone AS (DELETE FROM automations.queue RETURNING 1) SELECT count(*) FROM gone";
        self.database.count(gone).await
    }
}

/// A graph that does nothing.
fn nothing() -> Graph {
    Graph::from("trigger-event")
        .set("note", "who", json!("Ada"))
        .edge("start", "note")
}
