//! What the records of an execution say, told to the slow reference and folded by the position: all three must agree.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};

use end_to_end::Database;
use flow::{Change, Outcome, Position, StepId};
use serde_json::Value;
use tokio_postgres::types::Json;
use uuid::Uuid;

use super::drawn::BUDGET;
use crate::build::Drawn;
use crate::slow;
use crate::walk::{self, Says, Step};

/// A step as it is recorded.
struct Recorded {
    step: Step,
    outcome: Outcome,
    began_after: Option<i32>,
    counts: bool,
}

/// Ended steps, in their order.
async fn recorded(database: &Database, execution: Uuid) -> Vec<Recorded> {
    let query = "SELECT node_id, place, run, outcome, began_after, status FROM automations.recorded_steps
                  WHERE execution_id = $1 AND ordinal IS NOT NULL ORDER BY ordinal";
    let rows = database.owner.query(query, &[&execution]).await.expect("steps");
    rows.iter()
        .map(|row| {
            let run: i32 = row.get(2);
            let Json(outcome): Json<Value> = row.get(3);
            Recorded {
                step: (row.get(0), row.get(1), run.unsigned_abs()),
                outcome: serde_json::from_value(outcome).expect("an outcome"),
                began_after: row.get(4),
                counts: row.get::<_, String>(5) != "skipped",
            }
        })
        .collect()
}

/// What differs between an ended execution and the reference that was told the same choices in the same order.
pub async fn deviations(database: &Database, drawn: &Drawn, execution: Uuid, status: &str) -> Vec<String> {
    let records = recorded(database, execution).await;
    let mut wrong = beside_reference(drawn, &records, status);
    wrong.extend(beside_fold(drawn, &records));
    wrong
}

fn beside_reference(drawn: &Drawn, records: &[Recorded], status: &str) -> Vec<String> {
    let choices: HashMap<&Step, Says> = records
        .iter()
        .map(|one| (&one.step, says(&one.outcome)))
        .collect();
    let decide = |node: &str, place: &walk::Where, run: u32| {
        let place = serde_json::to_string(place).expect("a place");
        let known = choices.get(&(node.to_owned(), place, run));
        known.cloned().unwrap_or(Says::Nothing)
    };
    let at = Cell::new(0);
    let strayed = Cell::new(None);
    let mut pick = |running: &[Step]| {
        let next = records.get(at.get());
        at.set(at.get() + 1);
        let place = next.and_then(|next| running.iter().position(|step| *step == next.step));
        if place.is_none() && strayed.get().is_none() {
            strayed.set(Some(at.get()));
        }
        place.unwrap_or(0)
    };
    let want = slow::run(drawn, &decide, &mut pick, BUDGET);
    let mut wrong = Vec::new();
    if let Some(at) = strayed.get() {
        let next = records.get(at - 1).map(|next| &next.step);
        wrong.push(format!(
            "as number {at} the engine ended {next:?}, which the reference does not run"
        ));
    }
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for one in records.iter().filter(|one| one.counts) {
        *counts.entry(one.step.0.clone()).or_default() += 1;
    }
    if counts != want.counts {
        wrong.push(format!(
            "runs: {counts:?}, and by the reference {:?}",
            want.counts
        ));
    }
    if status != want.status {
        wrong.push(format!("it is {status}, and by the reference {}", want.status));
    }
    wrong
}

/// Each step began, in the position that the daemon held, after the very step after which it begins in the fold.
fn beside_fold(drawn: &Drawn, records: &[Recorded]) -> Vec<String> {
    let plan = match walk::compile(drawn) {
        Ok(plan) => plan,
        Err(problems) => return vec![format!("refused: {problems:?}")],
    };
    let mut began: HashMap<Step, usize> = HashMap::new();
    let mut wrong = Vec::new();
    let (mut position, changes) = Position::start(plan, BUDGET);
    note(&mut began, changes, 0);
    for (done, one) in records.iter().enumerate() {
        let step = StepId {
            node: one.step.0.as_str().into(),
            place: one.step.1.parse().expect("a place"),
            run: one.step.2,
        };
        let folded = began.get(&one.step).copied();
        let held = one.began_after.and_then(|after| usize::try_from(after).ok());
        if folded != held {
            wrong.push(format!(
                "{:?} began after {held:?}, and in the fold after {folded:?}",
                one.step
            ));
        }
        match position.complete(&step, &one.outcome) {
            Ok(changes) => note(&mut began, changes, done + 1),
            Err(error) => wrong.push(format!("{:?} does not fit the fold: {error}", one.step)),
        }
    }
    wrong
}

fn note(began: &mut HashMap<Step, usize>, changes: Vec<Change>, after: usize) {
    for change in changes {
        if let Change::Begin { step, .. } = change {
            began.insert((step.node.to_string(), step.place.to_string(), step.run), after);
        }
    }
}

fn says(outcome: &Outcome) -> Says {
    match outcome {
        Outcome::Failed => Says::Error,
        Outcome::Items(items) => Says::Items(*items),
        Outcome::Chose(handles) => Says::Handles(handles.clone()),
        _ => Says::Nothing,
    }
}
