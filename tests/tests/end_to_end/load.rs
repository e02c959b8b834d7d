//! Much at once, much to skip, and nothing at all.

use std::collections::HashMap;

use end_to_end::receiver::Reply;
use end_to_end::{Account, Daemon, DaemonOptions, Database, Graph, Receiver, cluster, waiting};
use serde_json::json;

fn note() -> Graph {
    Graph::from("trigger-event")
        .set("note", "who", json!("{{ trigger.new.name }}"))
        .edge("start", "note")
}

#[tokio::test]
async fn what_deleted_automations_left_in_the_queue_does_not_hold_up_a_live_one() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let dead = account.on_new_lead(&database, "dead", &note()).await;
    let many = "INSERT INTO public.leads (user_id, name) SELECT $1, 'old' FROM generate_series(1, 500)";
    database.owner.execute(many, &[&account.user]).await.unwrap();
    database
        .owner
        .execute("DELETE FROM public.automations WHERE id = $1", &[&dead])
        .await
        .unwrap();
    let live = account.on_new_lead(&database, "live", &note()).await;
    account.lead(&database, "Ada").await;
    assert_eq!(
        database.count("SELECT count(*) FROM automations.queue").await,
        501,
        "the dead ones come first"
    );

    // It looks by itself once, as it starts; the next time is after every deadline of this test.
    let options = DaemonOptions::default().flag("--poll-interval", "10m");
    let _daemon = Daemon::start_with(&database, options).await;

    database.only(live).await.completed();
    database.idle().await;
}

#[tokio::test]
async fn many_results_of_many_megabytes_are_all_written() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let receiver = Receiver::answering(|_| Reply {
        status: 200,
        headers: vec!["content-type: text/plain".to_owned()],
        body: "x".repeat(1_900_000),
    })
    .await;
    let get = json!({"url": receiver.url("/")});
    let graph = Graph::from("trigger-event")
        .node("one", "action-http", get.clone())
        .node("two", "action-http", get.clone())
        .node("three", "action-http", get)
        .set("keep", "all", json!("{{ nodes['one'].output.body }}"))
        .chain(&["start", "one", "two", "three", "keep"]);
    let automation = account.on_new_lead(&database, "large", &graph).await;
    let daemon = Daemon::start_reaching(&database, &receiver).await;

    let many = "INSERT INTO public.leads (user_id, name) SELECT $1, 'x' FROM generate_series(1, 20)";
    database.owner.execute(many, &[&account.user]).await.unwrap();

    let sizes = "SELECT count(*) FROM public.automation_executions
        WHERE status = 'completed' AND length(variables ->> 'all') = 1900000";
    waiting::until_within(waiting::DEADLINE * 3, "twenty large results", || async {
        (database.count(sizes).await == 20).then_some(())
    })
    .await;
    assert_eq!(database.executions(automation).await.len(), 20);
    // And it goes on as if nothing had been.
    let small = account
        .manual(&database, "small", &Graph::from("trigger-manual"))
        .await;
    let id = database.start(small, json!({})).await;
    database.ended(id).await.completed();
    daemon.stop().await;
}

/// Statements of the daemon in this database, in order, without what differs from call to call.
fn statements(database: &str) -> Vec<String> {
    let log = std::fs::read_to_string(cluster::folder().join("server.log")).expect("the server's log");
    let who = format!(" {database} daemon_login ");
    log.lines()
        .filter(|line| line.contains(&who))
        .filter_map(|line| line.split_once("LOG:  ").map(|(_, text)| text))
        .filter_map(|text| text.split_once(": ").map(|(_, statement)| statement.to_owned()))
        .collect()
}

#[tokio::test]
async fn an_idle_daemon_says_nothing_more_often_than_it_polls() {
    const POLLS: usize = 6;
    let database = Database::fresh().await;
    let superuser = database.superuser().await;
    let setting = format!("ALTER DATABASE {} SET log_statement = 'all'", database.name);
    superuser.batch_execute(&setting).await.unwrap();
    let options = DaemonOptions::default().flag("--poll-interval", "1s");
    let _daemon = Daemon::start_with(&database, options).await;
    let polls = |statements: &[String]| {
        let looks = statements.iter().filter(|text| text.contains("automations.look"));
        looks.count()
    };
    // What a start needs besides is over by its fourth look.
    let begin = waiting::until("the daemon to have polled", || async {
        let all = statements(&database.name);
        (polls(&all) >= 4).then_some(all.len())
    })
    .await;

    let idle = waiting::until("the daemon to poll again and again", || async {
        let all = statements(&database.name).split_off(begin);
        (polls(&all) >= POLLS).then_some(all)
    })
    .await;

    let mut counts: HashMap<&str, usize> = HashMap::new();
    for statement in &idle {
        *counts.entry(statement).or_default() += 1;
    }
    // The listener's proof comes along with a poll.
    let besides: Vec<_> = counts
        .keys()
        .filter(|text| !text.contains("automations.look") && !text.contains("automations.maintain"))
        .collect();
    assert!(besides.is_empty(), "{besides:?}");
    // One of each at a poll; the window may begin and end in the middle of one.
    let often: Vec<_> = counts.iter().filter(|(_, count)| **count > POLLS + 1).collect();
    assert!(often.is_empty(), "{often:?} of {counts:?}");
}
