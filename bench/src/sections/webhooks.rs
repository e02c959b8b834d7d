//! `webhooks`: calls that are answered with 202 when their execution is on disk.
//! How: signed calls of one webhook with nothing but defaults, each with an id of its own: fifty a second over one
//! connection, then a thousand a second over 32 connections, each of which calls again when it was answered and its turn has
//! come. Every answer names an execution, and all of them have to be there and to complete: otherwise the section fails.
//! The numbers are milliseconds from the first byte of a call to its answer, calls a second, and calls that were lost.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use end_to_end::hook::{self, Hook};
use end_to_end::{Daemon, Graph, http};
use uuid::Uuid;

use super::{Findings, Section};
use crate::measure::{Goal, Measure};
use crate::stage::{Bench, Stage, daemon_options};
use crate::stats::percentile;

/// Connections of the load.
const CLIENTS: u32 = 32;
/// Calls a second of all of them.
const RATE: u32 = 1_000;
/// What is sent.
const BODY: &[u8] = br#"{"order": 7, "items": [{"sku": "bicycle", "count": 1}], "customer": "Ada"}"#;

/// The section.
pub struct Webhooks;

/// What one connection saw.
struct Seen {
    ids: Vec<Uuid>,
    milliseconds: Vec<f64>,
    done: Instant,
}

#[async_trait]
impl Section for Webhooks {
    fn name(&self) -> &'static str {
        "webhooks"
    }

    async fn run(&self, bench: &Bench) -> Findings {
        let stage = Stage::fresh().await;
        let hook = Hook::new(
            &stage.database,
            &stage.account,
            hook::github("orders"),
            &Graph::from("trigger-webhook"),
        )
        .await;
        let mut daemon = Daemon::start_with(&stage.database, daemon_options()).await;
        let address = daemon.address().await;
        calls(address, &hook.path, "warm", 50, Duration::from_millis(20)).await;

        let (mut usual, mut rare, mut busy, mut rates, mut lost) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for round in 0..bench.rounds {
            let count = bench.scale.latency_seconds * 50;
            let name = format!("quiet-{round}");
            let seen = calls(address, &hook.path, &name, count, Duration::from_millis(20)).await;
            usual.push(percentile(&seen.milliseconds, 50.0));
            rare.push(percentile(&seen.milliseconds, 99.0));

            let began = Instant::now();
            let each = bench.scale.latency_seconds * RATE / CLIENTS;
            let pause = Duration::from_secs(1) * CLIENTS / RATE;
            let clients: Vec<_> = (0..CLIENTS)
                .map(|client| {
                    let (path, name) = (hook.path.clone(), format!("load-{round}-{client}"));
                    tokio::spawn(async move { calls(address, &path, &name, each, pause).await })
                })
                .collect();
            let (mut ids, mut times, mut last) = (HashSet::new(), Vec::new(), began);
            for client in clients {
                let seen = client.await.expect("a client");
                ids.extend(seen.ids);
                times.extend(seen.milliseconds);
                last = last.max(seen.done);
            }
            let asked = f64::from(each * CLIENTS);
            busy.push(percentile(&times, 50.0));
            rates.push(asked / (last - began).as_secs_f64());
            lost.push(asked - completed(&stage, ids).await);
        }
        daemon.stop().await;
        let measures = vec![
            Measure::new("answer at 50/s, p50", "ms", usual).goal(Goal::at_most(10.0)),
            Measure::new("answer at 50/s, p99", "ms", rare),
            Measure::new("calls over 32 connections", "calls/s", rates),
            Measure::new("answer at 1,000/s, p50", "ms", busy),
            Measure::new("calls without a completed execution", "calls", lost).goal(Goal::at_most(0.0)),
        ];
        Findings {
            measures,
            notes: Vec::new(),
        }
    }
}

/// So many calls over one connection, one in each `pause`, or as soon as the last one was answered.
async fn calls(address: SocketAddr, path: &str, name: &str, count: u32, pause: Duration) -> Seen {
    let signature = hook::signed(BODY);
    let mut connection = http::Connection::to(address).await.expect("the daemon");
    let mut seen = Seen {
        ids: Vec::new(),
        milliseconds: Vec::new(),
        done: Instant::now(),
    };
    let begin = tokio::time::Instant::now();
    for number in 0..count {
        tokio::time::sleep_until(begin + pause * number).await;
        let delivery = format!("{name}-{number}");
        let headers = [
            ("Content-Type", "application/json"),
            ("X-Hub-Signature-256", signature.as_str()),
            ("X-GitHub-Delivery", delivery.as_str()),
        ];
        let since = Instant::now();
        let answer = connection.send("POST", path, &headers, BODY).await;
        seen.milliseconds.push(since.elapsed().as_secs_f64() * 1_000.0);
        seen.ids.push(hook::execution(&answer.expect("an answer")));
    }
    seen.done = Instant::now();
    seen
}

/// How many of these have completed, as soon as all have or after a minute.
async fn completed(stage: &Stage, ids: HashSet<Uuid>) -> f64 {
    let ids: Vec<Uuid> = ids.into_iter().collect();
    let all = i64::try_from(ids.len()).unwrap_or(i64::MAX);
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let done: i64 = stage
            .database
            .value(
                "SELECT count(*) FROM public.automation_executions WHERE id = ANY ($1) AND status = 'completed'",
                &[&ids],
            )
            .await;
        if done >= all || Instant::now() > end {
            return f64::from(u32::try_from(done).unwrap_or(u32::MAX));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
