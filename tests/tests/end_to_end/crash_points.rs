//! The proof that nothing is lost: a graph with every type of node, and a daemon that dies at its first write, its
//! second, its third ... until it outlives the execution. Whoever goes on comes to what would have come without.

mod compared;
mod every_type;
mod people;
mod world;

use std::collections::BTreeSet;
use std::sync::Arc;

use end_to_end::{Database, cluster, daemon, oracle, template};
use futures_util::{StreamExt, stream};
use uuid::Uuid;

use self::compared::{Ledger, Outcome};
use self::world::{Ended, World};

/// Runs at a time.
const AT_ONCE: usize = 4;
/// So many writes in a row that no daemon came to: there are no more.
const OUTLIVED: u64 = 3;

/// What comes of the graph when nobody dies.
async fn undisturbed() -> (Outcome, Ledger, Database) {
    let world = World::new().await;
    let execution = world.go_on().await.completed();
    (world.outcome(&execution).await, world.ledger(), world.close())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_dies_before_any_write_leaves_the_next_one_to_come_to_the_same_end() {
    at_every_write("before").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_dies_with_any_write_on_its_way_leaves_the_next_one_to_come_to_the_same_end() {
    at_every_write("during").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_dies_after_any_write_leaves_the_next_one_to_come_to_the_same_end() {
    at_every_write("after").await;
}

/// The first write, the second ... until daemons outlive the execution.
async fn at_every_write(when: &'static str) {
    let expected = Arc::new(undisturbed().await);
    let runs = stream::iter(1_u64..).map(|write| {
        let expected = expected.clone();
        let run = async move { dies_once(&format!("{write}:{when}"), &expected).await };
        async move { tokio::spawn(run).await.expect("a run") }
    });
    let mut runs = Box::pin(runs.buffered(AT_ONCE));
    let (mut outlived, mut died, mut left) = (0, 0, Vec::new());
    while outlived < OUTLIVED {
        let (ended, database) = runs.next().await.expect("there is always another write");
        left.push(database);
        match ended {
            Ended::Aborted => (outlived, died) = (0, died + 1),
            Ended::Outlived => outlived += 1,
        }
    }
    drop(runs);
    eprintln!("{when}: died at {died} writes");
    assert!(died > 25, "{when}: only {died} writes");
}

/// One daemon dies at that write, another one goes on.
async fn dies_once(at: &str, (expected, asked, _): &(Outcome, Ledger, Database)) -> (Ended, Database) {
    let world = World::new().await;
    let ended = world.die_at(at).await;
    let (recorded, before) = (world.recorded().await, world.ledger());
    let execution = world.go_on().await;
    world.outcome(&execution).await.must_be(expected, at);
    let after = world.ledger();
    for (thing, times) in &after {
        let usual = asked[thing];
        assert!(*times <= usual + 1, "{at}: {thing} was asked for {times} times");
        if recorded.contains(thing) {
            assert_eq!(
                before[thing], *times,
                "{at}: {thing} was recorded and asked for again"
            );
        }
    }
    oracle::must_hold(&world.database).await;
    (ended, world.close())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_execution_survives_any_number_of_kills_as_long_as_it_gets_on() {
    let expected = Arc::new(undisturbed().await);
    // taking back, claiming the two that are under way, starting a child, and then a step: fewer is not getting on
    let runs = [6_u64, 8, 13].map(|write| {
        let expected = expected.clone();
        tokio::spawn(async move { dies_again_and_again(&format!("{write}:after"), &expected.0).await })
    });
    let mut left = Vec::new();
    for run in runs {
        let (deaths, database) = run.await.expect("a run");
        left.push(database);
        assert!(deaths > 1, "{deaths}");
    }
}

/// Each daemon dies at the same write of its own, until one does not come to it. Which of the executions in hand comes to
/// write before that is a matter of luck: one that has not got on twice is left alone until it has.
async fn dies_again_and_again(at: &str, expected: &Outcome) -> (usize, Database) {
    let world = World::new().await;
    let mut deaths = 0;
    loop {
        let ended = match world.is_on_its_last_life().await {
            true => world.die_having_got_on().await,
            false => world.die_at(at).await,
        };
        if ended == Ended::Outlived {
            let execution = world.now().await;
            let about = format!("{at}, after {deaths} deaths");
            world.outcome(&execution).await.must_be(expected, &about);
            oracle::must_hold(&world.database).await;
            return (deaths, world.close());
        }
        deaths += 1;
    }
}

#[tokio::test]
async fn the_graph_has_every_type_that_the_daemon_performs() {
    let database = Database::fresh().await;
    let url = cluster::url(&database.name, template::DAEMON);
    let output = daemon::command()
        .args(["check", "--database-url", &url])
        .output()
        .await
        .expect("automationd check");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = said.lines().find(|line| line.contains("node types: "));
    let performed = line.unwrap_or_else(|| panic!("no line about node types:\n{said}"));
    let performed = performed.split("node types: ").nth(1).unwrap_or_default();
    let performed: BTreeSet<String> = performed.split(", ").map(str::to_owned).collect();
    let receiver = end_to_end::Receiver::start().await;
    let drawn = every_type::types(&every_type::graph(&receiver, Uuid::nil()));
    assert_eq!(
        drawn, performed,
        "a new type needs its place in crash_points/every_type.rs"
    );
}
