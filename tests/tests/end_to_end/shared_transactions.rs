//! Where many executions of an account run, their database nodes act in one transaction: what one of them does or suffers
//! is nothing to the others.

use end_to_end::{Account, Daemon, DaemonOptions, Database, Graph, waiting};
use serde_json::json;
use uuid::Uuid;

const MANY: i64 = 60;

/// Sets the score of the execution's lead.
fn score() -> Graph {
    Graph::from("trigger-event")
        .node("score", "action-update-lead", json!({"updates": {"score": 70}}))
        .edge("start", "score")
}

/// Many new leads in one statement; the one in the middle has this name.
async fn many_leads(database: &Database, account: &Account, odd: &str) {
    let insert = "INSERT INTO public.leads (user_id, name)
                  SELECT $1, CASE n WHEN $3::bigint / 2 THEN $2 ELSE 'lead ' || n END FROM generate_series(1, $3::bigint) n";
    let rows = database
        .owner
        .execute(insert, &[&account.user, &odd, &MANY])
        .await;
    assert_eq!(rows.unwrap(), u64::try_from(MANY).unwrap());
}

async fn odd_lead(database: &Database, odd: &str) -> Uuid {
    let query = "SELECT id FROM public.leads WHERE name = $1";
    database.value(query, &[&odd]).await
}

async fn scored(database: &Database) -> i64 {
    database
        .count("SELECT count(*) FROM public.leads WHERE score = 70")
        .await
}

/// Waves of new leads until one transaction has scored two of them: on a machine that is busy with something else the
/// first ones may take too long and come apart. Returns how many leads there are.
async fn leads_until_they_share(
    database: &Database,
    account: &Account,
    automation: Uuid,
    status: &str,
) -> i64 {
    let shared = "SELECT count(*) FROM (SELECT FROM public.leads WHERE score = 70
                                         GROUP BY xmin::text HAVING count(*) > 1) x";
    let mut leads = 0;
    for _ in 0..30 {
        many_leads(database, account, "odd").await;
        leads += MANY;
        until_ended(database, automation, status, leads).await;
        if database.count(shared).await > 0 {
            return leads;
        }
    }
    panic!("no two of {leads} leads were scored in one transaction");
}

async fn until_ended(database: &Database, automation: Uuid, status: &str, count: i64) {
    let query = "SELECT count(*) FROM public.automation_executions WHERE automation_id = $1 AND status = $2";
    waiting::until(&format!("{count} {status}"), || async {
        (database.value::<i64>(query, &[&automation, &status]).await == count).then_some(())
    })
    .await;
}

#[tokio::test]
async fn they_share_transactions_and_what_each_causes_knows_which_of_them_it_was() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let first = account.on_new_lead(&database, "first", &score()).await;
    let note = Graph::from("trigger-event")
        .set("note", "score", json!("{{ trigger.new.score }}"))
        .edge("start", "note");
    let second = account.on_lead(&database, "second", "UPDATE", &note).await;
    let _daemon = Daemon::start(&database).await;

    let leads = leads_until_they_share(&database, &account, first, "completed").await;

    until_ended(&database, second, "completed", leads).await;
    let whose = "SELECT count(*) FROM public.automation_executions e
                   JOIN public.automation_executions c ON c.id = e.caused_by AND c.lead_id = e.lead_id AND e.depth = 1
                  WHERE c.automation_id = $1 AND e.automation_id = $2";
    assert_eq!(database.value::<i64>(whose, &[&first, &second]).await, leads);
    let counted = "SELECT execution_count::bigint FROM public.automations WHERE id = $1";
    waiting::until("the statistics", || async {
        (database.value::<i64>(counted, &[&first]).await == leads).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_goes_on_behind_the_node_is_recorded_with_it() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let graph = score()
        .node("wait", "logic-delay", json!({"duration": 1, "unit": "hours"}))
        .edge("score", "wait");
    let automation = account.on_new_lead(&database, "waits", &graph).await;
    let _daemon = Daemon::start(&database).await;

    let leads = leads_until_they_share(&database, &account, automation, "waiting").await;

    let together = "SELECT count(*) FROM automations.steps s
                      JOIN public.automation_executions e ON e.id = s.execution_id
                      JOIN public.leads l ON l.id = e.lead_id
                     WHERE s.node_id = 'score' AND s.status = 'completed' AND s.xmin = l.xmin";
    assert_eq!(database.count(together).await, leads, "record and effect");
}

#[tokio::test]
async fn one_that_the_application_refuses_fails_alone() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    database
        .run(
            "CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS
                 $$BEGIN RAISE EXCEPTION 'not this one'; END$$;
             CREATE TRIGGER refuse BEFORE UPDATE ON public.leads FOR EACH ROW WHEN (NEW.name = 'refused')
                 EXECUTE FUNCTION public.refuse()",
        )
        .await;
    let automation = account.on_new_lead(&database, "score", &score()).await;
    many_leads(&database, &account, "refused").await;

    let _daemon = Daemon::start(&database).await;

    until_ended(&database, automation, "failed", 1).await;
    until_ended(&database, automation, "completed", MANY - 1).await;
    assert_eq!(scored(&database).await, MANY - 1);
    let failed = "SELECT l.name || ': ' || e.error FROM public.automation_executions e
                    JOIN public.leads l ON l.id = e.lead_id WHERE e.status = 'failed'";
    // behind it stands a backtrace where the server's environment asks for one
    let failed = database.value::<String>(failed, &[]).await;
    assert!(failed.starts_with("refused: not this one"), "{failed}");
}

#[tokio::test]
async fn where_a_trigger_takes_the_role_off_for_one_no_other_acts_without_it() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    database
        .run(
            "CREATE TABLE public.acted (who text, sub text);
             GRANT INSERT ON public.acted TO PUBLIC;
             CREATE FUNCTION public.note_who() RETURNS trigger LANGUAGE plpgsql AS
                 $$BEGIN INSERT INTO public.acted
                         VALUES (current_user, current_setting('request.jwt.claims')::jsonb ->> 'sub');
                         RETURN NEW; END$$;
             CREATE TRIGGER a_note BEFORE UPDATE ON public.leads FOR EACH ROW EXECUTE FUNCTION public.note_who();
             CREATE FUNCTION public.take_off() RETURNS trigger LANGUAGE plpgsql AS
                 $$BEGIN PERFORM set_config('role', 'none', true); RETURN NULL; END$$;
             CREATE TRIGGER take_off AFTER UPDATE ON public.leads FOR EACH ROW WHEN (NEW.name = 'taken off')
                 EXECUTE FUNCTION public.take_off();
             CREATE FUNCTION public.pretend() RETURNS trigger LANGUAGE plpgsql AS
                 $$BEGIN PERFORM set_config('request.jwt.claims', '{\"sub\": \"somebody\"}', true); RETURN NULL; END$$;
             CREATE TRIGGER pretend AFTER UPDATE ON public.leads FOR EACH ROW EXECUTE FUNCTION public.pretend()",
        )
        .await;
    let automation = account.on_new_lead(&database, "score", &score()).await;
    many_leads(&database, &account, "taken off").await;

    let _daemon = Daemon::start(&database).await;

    until_ended(&database, automation, "failed", 1).await;
    until_ended(&database, automation, "completed", MANY - 1).await;
    assert_eq!(scored(&database).await, MANY - 1);
    let who = "SELECT string_agg(DISTINCT who || ' for ' || sub, ', ') FROM public.acted";
    assert_eq!(
        database.value::<String>(who, &[]).await,
        format!("authenticated for {}", account.user)
    );
}

#[tokio::test]
async fn a_lead_that_somebody_has_locked_keeps_only_its_own() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let automation = account.on_new_lead(&database, "score", &score()).await;
    many_leads(&database, &account, "locked").await;
    let locked = odd_lead(&database, "locked").await;
    let other = database.another_session().await;
    other.batch_execute("BEGIN").await.unwrap();
    // weak enough for a claim
    let lock = "SELECT FROM public.leads WHERE id = $1 FOR NO KEY UPDATE";
    other.execute(lock, &[&locked]).await.unwrap();

    let _daemon = Daemon::start(&database).await;

    until_ended(&database, automation, "completed", MANY - 1).await;
    other.batch_execute("COMMIT").await.unwrap();
    until_ended(&database, automation, "completed", MANY).await;
    assert_eq!(scored(&database).await, MANY);
}

#[tokio::test]
async fn one_whose_statement_takes_long_holds_up_nobody() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    database
        .run(
            "CREATE FUNCTION public.be_slow() RETURNS trigger LANGUAGE plpgsql AS
                 $$BEGIN PERFORM pg_sleep(600); RETURN NEW; END$$;
             CREATE TRIGGER be_slow BEFORE UPDATE ON public.leads FOR EACH ROW WHEN (NEW.name = 'slow')
                 EXECUTE FUNCTION public.be_slow()",
        )
        .await;
    let automation = account.on_new_lead(&database, "score", &score()).await;
    many_leads(&database, &account, "slow").await;
    let slow = odd_lead(&database, "slow").await;

    let _daemon = Daemon::start(&database).await;

    until_ended(&database, automation, "completed", MANY - 1).await;
    assert_eq!(scored(&database).await, MANY - 1);
    let cancel = "SELECT automations.cancel(q.id) FROM automations.queue q WHERE q.lead_id = $1";
    assert!(database.value::<bool>(cancel, &[&slow]).await);
    until_ended(&database, automation, "cancelled", 1).await;
}

#[tokio::test]
async fn a_daemon_that_dies_at_any_write_leaves_one_effect_of_each() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let made = json!({"operation": "create", "table": "leads", "values": {"name": "made"}});
    let graph = Graph::from("trigger-manual")
        .node("make", "action-db", made)
        .edge("start", "make");
    let automation = account.manual(&database, "makes", &graph).await;
    for write in 1..=4 {
        for when in ["before", "during", "after"] {
            let at = format!("{write}:{when}");
            database
                .run("DELETE FROM public.leads WHERE name = 'made'; DELETE FROM public.automation_executions")
                .await;
            let run = "SELECT count(automations.run($1, '{}')) FROM generate_series(1, $2::bigint)";
            database.value::<i64>(run, &[&automation, &MANY]).await;
            let options = DaemonOptions::default().flag("--abort-at-write", &at);
            let mut daemon = Daemon::spawn(&database.name, options);
            tokio::select! {
                _ = daemon.ended() => {}
                () = until_ended(&database, automation, "completed", MANY) => {}
            }
            daemon.kill().await;
            database.abandoned().await;

            let next = Daemon::start(&database).await;
            until_ended(&database, automation, "completed", MANY).await;
            next.kill().await;
            database.abandoned().await;

            let count = database
                .count("SELECT count(*) FROM public.leads WHERE name = 'made'")
                .await;
            assert_eq!(count, MANY, "{at}");
        }
    }
}
