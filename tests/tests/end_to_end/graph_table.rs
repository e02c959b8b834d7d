//! Every graph of `flow/tests/graphs/table/` in one database, with one daemon: saved as an active automation, run,
//! resumed and answered as its row says, and compared in path, status, output, variables and error. The same files
//! are walked without a daemon by `flow/tests/graphs/table.rs`; `docs/graphs.md` says what a file holds.

mod outside;
mod row;
mod told;
mod world;

use std::panic::AssertUnwindSafe;

use end_to_end::{Account, Daemon, Database, Execution};
use futures_util::{FutureExt, StreamExt, stream};
use serde_json::{Value, json};
use tokio_postgres::types::Json;
use uuid::Uuid;

use outside::Outside;
use row::Row;
use world::World;

#[tokio::test]
async fn every_graph_of_the_table_runs_as_its_row_says() {
    let rows = row::all();
    let database = Database::fresh().await;
    let world = World::start(&rows).await;
    let _daemon = Daemon::start_reaching(&database, world.receiver()).await;
    let outside = Outside::new(&database).await;

    // Together, so that they are in each other's way; not all at once, so that a small machine can follow.
    let runs = rows.iter().map(|row| told(&database, &world, &outside, row));
    let wrong: Vec<String> = stream::iter(runs)
        .buffer_unordered(16)
        .flat_map(stream::iter)
        .collect()
        .await;

    assert!(
        wrong.is_empty(),
        "{} deviation(s):\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    world.assert_each_key_is_of_one_request();
    assert_eq!(
        database.count("SELECT count(*) FROM automations.parked").await,
        0,
        "parked for ever"
    );
}

/// What differs in one graph, or that it never came to an end: the others are told all the same.
async fn told(database: &Database, world: &World, outside: &Outside, row: &Row) -> Vec<String> {
    let run = AssertUnwindSafe(run(database, world, outside, row)).catch_unwind();
    run.await
        .unwrap_or_else(|_| vec![format!("{}: it panicked, as told above", row.file)])
}

/// Saves and runs one graph, and gives what differs from its row.
async fn run(database: &Database, world: &World, outside: &Outside, row: &Row) -> Vec<String> {
    let account = Account::new(database).await;
    let saved = save(database, &account, world, row).await;
    let automation = match (saved, &row.expected["refused"]) {
        (Ok(id), Value::Null) => id,
        (Err(_), Value::Array(_)) => return Vec::new(),
        (saved, _) => return vec![format!("{}: saving it gave {saved:?}", row.file)],
    };
    let id = begin(database, &account, automation, row).await;
    for step in row.world["outside"].as_array().into_iter().flatten() {
        outside
            .perform(database, world, row, account.user, id, step)
            .await;
    }
    let execution = database.ended(id).await;
    told::deviations(row, &execution, world)
}

/// As the application saves it: the automations that it starts first.
async fn save(
    database: &Database,
    account: &Account,
    world: &World,
    row: &Row,
) -> Result<Uuid, tokio_postgres::Error> {
    let mut children = Vec::new();
    for (name, child) in row.world["children"].as_object().into_iter().flatten() {
        let id = insert(
            database,
            account,
            name,
            "manual",
            &child["nodes"],
            &child["edges"],
        )
        .await?;
        children.push((name.clone(), id));
    }
    let here = |drawn: &Value| row.here(drawn, &children, world);
    let (nodes, edges) = (here(&row.nodes), here(&row.edges));
    insert(database, account, &row.name, &row.trigger_type, &nodes, &edges).await
}

async fn insert(
    database: &Database,
    account: &Account,
    name: &str,
    trigger_type: &str,
    nodes: &Value,
    edges: &Value,
) -> Result<Uuid, tokio_postgres::Error> {
    let inserted = database
        .owner
        .query_one(
            "INSERT INTO public.automations (user_id, agent_id, name, status, enabled, trigger_type, nodes, edges)
             VALUES ($1, $2, $3, 'active', true, $4, $5, $6) RETURNING id",
            &[&account.user, &account.agent, &name, &trigger_type, &Json(nodes), &Json(edges)],
        )
        .await?;
    Ok(inserted.get(0))
}

/// What its trigger stands for: a new lead, or somebody who runs it.
async fn begin(database: &Database, account: &Account, automation: Uuid, row: &Row) -> Uuid {
    if row.trigger_type == "event" {
        let lead = &row.trigger["new"];
        let _: Uuid = database
            .value(
                "INSERT INTO public.leads (user_id, name, source, company) VALUES ($1, $2, $3, $4) RETURNING id",
                &[&account.user, &text(&lead["name"]), &text(&lead["source"]), &text(&lead["company"])],
            )
            .await;
        return first_of(database, automation).await.id;
    }
    let test_mode = row.world["test_mode"] == json!(true);
    database
        .value(
            "SELECT automations.run($1, $2, test_mode := $3)",
            &[&automation, &Json(&row.trigger), &test_mode],
        )
        .await
}

async fn first_of(database: &Database, automation: Uuid) -> Execution {
    end_to_end::waiting::until("an execution for the new lead", || async {
        database.executions(automation).await.into_iter().next()
    })
    .await
}

fn text(value: &Value) -> Option<&str> {
    value.as_str()
}
