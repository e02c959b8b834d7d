//! Fairness: an account that floods the queue does not hold up another account's single execution. Told by what can run
//! and not by time: the flood's requests are held back at the gate of the world outside, so that all daemons have as much
//! of it in hand as they can. Then a few more of it are let through: the single one has to end by those.

use std::sync::Arc;

use end_to_end::receiver::Reply;
use end_to_end::waiting::until;
use end_to_end::{Account, Daemon, DaemonOptions, Database, Graph, Receiver};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use uuid::Uuid;

const FLOOD: i64 = 1000;
/// Executions in flight on each daemon: so few that it keeps no slot for newcomers,
const IN_FLIGHT: usize = 7;
/// and so many that it keeps two.
const WITH_TWO_KEPT: usize = 16;
/// Those of the flood that run before anything else is queued: it has had its turns.
const BEFORE: usize = 100;
/// Those that end while the single one waits: about half of what one daemon has in hand.
const MEANWHILE: usize = IN_FLIGHT / 2;

fn graph() -> Graph {
    Graph::from("trigger-event")
        .set("set", "a", json!(1))
        .edge("start", "set")
}

/// The world outside of a flood.
struct Gate {
    receiver: Receiver,
    open_for: Arc<Semaphore>,
}

impl Gate {
    /// Lets so many through.
    async fn open_for(requests: usize) -> Gate {
        let open_for = Arc::new(Semaphore::new(requests));
        let gate = open_for.clone();
        let receiver = Receiver::answering_in_time(move |_| {
            let gate = gate.clone();
            async move {
                gate.acquire().await.expect("it is never closed").forget();
                Reply::status(200)
            }
        });
        Gate {
            receiver: receiver.await,
            open_for,
        }
    }

    /// Each execution asks for it once.
    fn graph(&self) -> Graph {
        // no request may end because it was held for too long: that would let others run
        let request = json!({"method": "GET", "url": self.receiver.url("/flood"), "timeout": 600_000});
        Graph::from("trigger-event")
            .node("ask", "action-http", request)
            .edge("start", "ask")
    }

    /// Two daemons, once they have so many of the flood in hand and no more.
    async fn daemons(&self, database: &Database, in_flight: usize, in_hand: usize) -> Vec<Daemon> {
        let started = daemons(
            database,
            2,
            in_flight,
            &[("--allow-hosts", &self.receiver.host())],
        )
        .await;
        self.receiver.have(BEFORE + in_hand).await;
        started
    }
}

async fn daemons(database: &Database, count: usize, in_flight: usize, flags: &[(&str, &str)]) -> Vec<Daemon> {
    let mut options = DaemonOptions::default().flag("--concurrency", &in_flight.to_string());
    for (flag, value) in flags {
        options = options.flag(flag, value);
    }
    let mut daemons = Vec::new();
    for _ in 0..count {
        daemons.push(Daemon::start_with(database, options.clone()).await);
    }
    daemons
}

async fn flooded(database: &Database, graph: &Graph, options: Value) -> (Account, Uuid) {
    let account = Account::new(database).await;
    let automation = account.on_new_lead(database, "flooding", graph).await;
    database
        .owner
        .execute(
            "UPDATE public.automations SET options = $2 WHERE id = $1",
            &[&automation, &tokio_postgres::types::Json(options)],
        )
        .await
        .unwrap();
    database
        .owner
        .execute(
            "INSERT INTO public.leads (user_id, name) SELECT $1, 'flood' FROM generate_series(1, $2::bigint)",
            &[&account.user, &FLOOD],
        )
        .await
        .unwrap();
    (account, automation)
}

async fn ended(database: &Database, automation: Uuid) -> i64 {
    database
        .value(
            "SELECT count(*) FROM public.automation_executions WHERE automation_id = $1 AND completed_at IS NOT NULL",
            &[&automation],
        )
        .await
}

/// All that can run of a flood runs, and then one of another account: it ends while no more of the flood does.
async fn does_not_hold_up(options: Value) {
    let database = Database::fresh().await;
    let single = Account::new(&database).await;
    let automation = single.on_new_lead(&database, "single", &graph()).await;
    let gate = Gate::open_for(BEFORE).await;
    flooded(&database, &gate.graph(), options).await;
    let _daemons = gate.daemons(&database, IN_FLIGHT, 2 * IN_FLIGHT).await;

    single.lead(&database, "single").await;
    gate.open_for.add_permits(MEANWHILE);
    database.only(automation).await.completed();
}

#[tokio::test]
async fn a_flood_of_one_account_does_not_hold_up_another_accounts_single_execution() {
    does_not_hold_up(json!({})).await;
}

#[tokio::test]
async fn a_flood_that_calls_itself_urgent_does_not_either() {
    does_not_hold_up(json!({"priority": 100})).await;
}

#[tokio::test]
async fn a_slot_is_kept_for_a_single_execution_while_a_flood_has_all_others() {
    let database = Database::fresh().await;
    let single = Account::new(&database).await;
    let automation = single.on_new_lead(&database, "single", &graph()).await;
    let gate = Gate::open_for(BEFORE).await;
    flooded(&database, &gate.graph(), json!({})).await;
    // what took kept slots at the start, when nothing of the flood was in hand yet, is among those that have ended
    let _daemons = gate
        .daemons(&database, WITH_TWO_KEPT, 2 * (WITH_TWO_KEPT - 2))
        .await;

    single.lead(&database, "single").await;
    database.only(automation).await.completed();
}

#[tokio::test]
async fn a_flood_at_its_limit_does_not_hold_up_another_account_or_another_automation_of_its_own() {
    const LIMIT: usize = 4;
    let database = Database::fresh().await;
    let single = Account::new(&database).await;
    let automation = single.on_new_lead(&database, "single", &graph()).await;
    let gate = Gate::open_for(BEFORE).await;
    let (account, _) = flooded(&database, &gate.graph(), json!({"max_in_flight": LIMIT})).await;
    let _daemons = gate.daemons(&database, IN_FLIGHT, LIMIT).await;

    // there is room beside it, so none of it has to end
    single.lead(&database, "single").await;
    database.only(automation).await.completed();
    let own = account
        .manual(&database, "own", &Graph::from("trigger-manual"))
        .await;
    let id = database.start(own, json!({})).await;
    database.ended(id).await.completed();
    assert_eq!(gate.receiver.requests().len(), BEFORE + LIMIT);
}

#[tokio::test]
async fn a_paused_flood_holds_up_nobody_and_runs_when_it_is_active_again() {
    let database = Database::fresh().await;
    let single = Account::new(&database).await;
    let automation = single.on_new_lead(&database, "single", &graph()).await;
    let (account, flooding) = flooded(&database, &graph(), json!({})).await;
    let own = account
        .manual(&database, "own", &Graph::from("trigger-manual"))
        .await;
    database
        .run("UPDATE public.automations SET status = 'paused' WHERE name = 'flooding'")
        .await;
    let _daemons = daemons(&database, 2, IN_FLIGHT, &[]).await;
    single.lead(&database, "single").await;
    database.only(automation).await.completed();
    let id = database.start(own, json!({})).await;
    database.ended(id).await.completed();
    assert_eq!(ended(&database, flooding).await, 0);
    database
        .run("UPDATE public.automations SET status = 'active' WHERE name = 'flooding'")
        .await;
    until("the flood runs", || async {
        (ended(&database, flooding).await > 100).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_account_of_more_weight_ends_more_while_both_flood() {
    let database = Database::fresh().await;
    let (heavy, heavier) = flooded(&database, &graph(), json!({})).await;
    let (_, lighter) = flooded(&database, &graph(), json!({})).await;
    database
        .owner
        .execute(
            "INSERT INTO public.automation_accounts (account_id, weight) VALUES ($1, 3)",
            &[&heavy.user],
        )
        .await
        .unwrap();
    let _daemons = daemons(&database, 1, IN_FLIGHT, &[]).await;
    until("much of the heavier flood has run", || async {
        (ended(&database, heavier).await > 300).then_some(())
    })
    .await;
    // the first three hundred of the one against what had ended of the other by then
    let lighter_then: i64 = database
        .value(
            "SELECT count(*) FROM public.automation_executions
              WHERE automation_id = $1 AND completed_at <= (
                SELECT completed_at FROM public.automation_executions
                 WHERE automation_id = $2 AND completed_at IS NOT NULL ORDER BY completed_at OFFSET 300 LIMIT 1)",
            &[&lighter, &heavier],
        )
        .await;
    assert!(
        lighter_then < 200,
        "{lighter_then} of the lighter flood ended with 300 of the heavier one"
    );
}
