//! What one run of the graph needs, all of it its own: a database, a receiver, an execution that waits for a daemon.

use std::collections::HashSet;
use std::sync::Mutex;

use end_to_end::receiver::{Reply, Request};
use end_to_end::{Account, Daemon, DaemonOptions, Database, Execution, Receiver, waiting};
use serde_json::json;
use tokio::task::JoinSet;
use tokio_postgres::types::Json;
use uuid::Uuid;

use super::{every_type, people};

/// A database with one pending execution, and the world that it will talk to.
pub struct World {
    /// Its own.
    pub database: Database,
    /// The world outside.
    pub receiver: Receiver,
    /// The execution.
    pub execution: Uuid,
    /// They do their part, whoever runs the daemon.
    _people: JoinSet<()>,
}

/// How a daemon that had a write to die at ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It died there.
    Aborted,
    /// The execution has ended before.
    Outlived,
}

impl World {
    /// A fresh one.
    pub async fn new() -> World {
        let database = Database::fresh().await;
        let account = Account::new(&database).await;
        database
            .run(
                "CREATE TABLE public.notes (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), user_id uuid, text text);
                 GRANT ALL ON public.notes TO authenticated;
                 SELECT automations.allow_table('public.notes', 'user_id')",
            )
            .await;
        let receiver = Receiver::answering(answers()).await;
        let child = every_type::child(&receiver);
        let child = account.manual(&database, "child", &child).await;
        let graph = every_type::graph(&receiver, child);
        let automation = account.manual(&database, "every type", &graph).await;
        let lead = account.lead(&database, "Ada").await;
        let conversation = account.conversation(&database).await;
        let execution = database
            .value(
                "SELECT automations.run($1, $2, false, $3, $4, NULL)",
                &[&automation, &Json(every_type::input()), &lead, &conversation],
            )
            .await;
        let people = database.another_session().await;
        let people = people::go_about(people, receiver.watch(), account.user);
        World {
            database,
            receiver,
            execution,
            _people: people,
        }
    }

    /// A daemon; with the switch set to this, if it is given.
    pub fn daemon(&self, abort: Option<&str>) -> Daemon {
        let options = DaemonOptions {
            log: "warn,automationd=debug".to_owned(),
            ..DaemonOptions::default()
        };
        let options = options
            .flag("--allow-hosts", &self.receiver.host())
            .flag("--connections", "4");
        let options = match abort {
            // few looks at the queue by themselves, so that its writes come in the same order each time
            Some(at) => options.flag("--abort-at-write", at),
            None => options.flag("--poll-interval", "100ms"),
        };
        Daemon::spawn(&self.database.name, options)
    }

    /// Runs a daemon until it dies at that write or the execution has ended; what it held is free then.
    pub async fn die_at(&self, at: &str) -> Ended {
        let mut daemon = self.daemon(Some(at));
        let over = tokio::select! {
            status = daemon.ended() => {
                assert!(!status.success(), "it stopped by itself: {:#?}", daemon.log());
                Ended::Aborted
            }
            () = self.over() => Ended::Outlived,
        };
        daemon.kill().await;
        self.database.abandoned().await;
        over
    }

    /// Whether another death would be the third of an execution without a step between them, which ends it.
    pub async fn is_on_its_last_life(&self) -> bool {
        // what was just abandoned counts as a death when the next daemon takes it back
        let last =
            "SELECT count(*) FROM automations.queue WHERE crashes + (lease_token IS NOT NULL)::integer >= 2";
        self.database.count(last).await > 0
    }

    /// Runs a daemon until that is not so any more, and kills it wherever it is then.
    pub async fn die_having_got_on(&self) -> Ended {
        let daemon = self.daemon(None);
        let ended = tokio::select! {
            () = self.has_got_on() => Ended::Aborted,
            () = self.over() => Ended::Outlived,
        };
        daemon.kill().await;
        self.database.abandoned().await;
        ended
    }

    async fn has_got_on(&self) {
        let left = "SELECT count(*) FROM automations.queue WHERE crashes > 0";
        waiting::until("each execution to get on", || async {
            (self.database.count(left).await == 0).then_some(())
        })
        .await;
    }

    /// A daemon without a switch goes on to the end.
    pub async fn go_on(&self) -> Execution {
        let daemon = self.daemon(None);
        self.over().await;
        daemon.kill().await; // it may not even have begun, where nothing was left to do
        self.now().await
    }

    /// The execution as it is.
    pub async fn now(&self) -> Execution {
        let execution = self.database.execution(self.execution).await;
        execution.expect("an execution never goes")
    }

    /// Ends it, and gives what is left: to be dropped when nothing else runs, because DROP DATABASE waits for every
    /// backend of the server, one that is just being authenticated too, and those wait for their clients (seen: 60 s).
    pub fn close(self) -> Database {
        self.database
    }

    async fn over(&self) {
        waiting::until_within(waiting::DEADLINE * 3, "the end of everything", || async {
            // a captured change is in the queue alone, and an event is delivered beside everything else
            let open = "SELECT (SELECT count(*) FROM public.automation_executions
                                 WHERE status NOT IN ('completed', 'failed', 'cancelled'))
                             + (SELECT count(*) FROM automations.queue)
                             + (SELECT count(*) FROM public.automation_events WHERE delivered_at IS NULL)";
            (self.database.count(open).await == 0).then_some(())
        })
        .await;
    }
}

/// The first request of `/fetch` fails, those of `/fails` all do.
fn answers() -> impl Fn(&Request) -> Reply + Send + Sync + 'static {
    let seen = Mutex::new(HashSet::new());
    move |request| match request.path.as_str() {
        "/fails" => Reply::status(500),
        "/fetch" if seen.lock().unwrap().insert(request.path.clone()) => Reply::status(503),
        "/fetch" => Reply::json(json!({"price": 42})),
        path => Reply::json(json!({"got": path})),
    }
}
