//! Who listens: the accounts of rows, and the automations of those accounts. One query each, as the owner of the
//! tables, by what was committed last; who listens is remembered in [`super::cache`].

use std::cell::OnceCell;
use std::collections::HashMap;
use std::rc::Rc;

use flow::{Event, Listener};
use pgrx::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use super::cache;
use super::hearing::{Heard, Hearing};
use crate::ids::{from_postgres, to_postgres};
use crate::newest::by_what_is_newest;
use crate::patience::quickly;
use crate::plans::{Plan, plan};
use crate::refusal::Refusal;

thread_local! {
    static LISTENERS: Plan = const { OnceCell::new() };
}

const LISTENERS_SQL: &str = "
    SELECT l.account_id, l.automation_id, l.version, l.event, l.columns, l.conditions::text,
           l.priority, l.record
      FROM automations.listeners l
     WHERE l.source = $1 AND l.account_id = ANY ($2) AND l.event IN ($3, 'any')
     ORDER BY l.account_id, l.automation_id";

/// The account behind each key, for a source whose owner is found by a path. Keys that lead nowhere (the row they
/// name went in the same cascade) are left out.
pub fn owners_of(source: &str, keys: Vec<String>) -> Result<HashMap<String, Uuid>, Refusal> {
    quickly(|| {
        Spi::connect(|client| {
            let mut owners = HashMap::new();
            let found = client.select(
                "SELECT o.key, o.account_id FROM automations.owners_of($1, $2) o",
                None,
                &[source.into(), keys.into()],
            )?;
            for row in found {
                if let (Some(key), Some(account)) = (row.get::<String>(1)?, row.get::<pgrx::Uuid>(2)?) {
                    owners.insert(key, from_postgres(account));
                }
            }
            Ok(owners)
        })
    })
}

/// Who of these accounts hears the event of a table, by account.
///
/// # Errors
/// Somebody holds a lock.
pub fn who_hears(
    table: pg_sys::Oid,
    source: &str,
    event: Event,
    accounts: impl IntoIterator<Item = Uuid>,
) -> Result<HashMap<Uuid, Rc<[Heard]>>, Refusal> {
    let (mut heard, mut unknown) = (HashMap::new(), Vec::new());
    for account in accounts {
        let known = cache::hearing(table, account, event);
        match known.as_ref().and_then(|hearing| hearing.heard()) {
            Some(known) => {
                heard.insert(account, Rc::clone(known));
            }
            None => unknown.push(account),
        }
    }
    if unknown.is_empty() {
        return Ok(heard);
    }
    let asking = cache::asking();
    let mut found = listeners_of(source, event, &unknown)?;
    for account in unknown {
        let listeners: Rc<[Heard]> = found.remove(&account).unwrap_or_default().into();
        asking.keep_hearing(table, account, event, &Rc::new(Hearing::of(&listeners, event)));
        heard.insert(account, listeners);
    }
    Ok(heard)
}

/// Who of these accounts listens to an event of the source, by account.
///
/// # Errors
/// Somebody holds a lock.
pub fn listeners_of(
    source: &str,
    event: Event,
    accounts: &[Uuid],
) -> Result<HashMap<Uuid, Vec<Heard>>, Refusal> {
    let accounts: Vec<pgrx::Uuid> = accounts.iter().map(|account| to_postgres(*account)).collect();
    by_what_is_newest(|client| {
        let types = [
            PgBuiltInOids::TEXTOID.oid(),
            PgBuiltInOids::UUIDARRAYOID.oid(),
            PgBuiltInOids::TEXTOID.oid(),
        ];
        let plan = plan(&LISTENERS, client, LISTENERS_SQL, &types)?;
        let mut listeners: HashMap<Uuid, Vec<Heard>> = HashMap::new();
        for row in client.select(
            plan,
            None,
            &[source.into(), accounts.into(), event.as_str().into()],
        )? {
            let (Some(account), Some(automation)) = (row.get::<pgrx::Uuid>(1)?, row.get::<pgrx::Uuid>(2)?)
            else {
                continue;
            };
            let event = row.get::<String>(4)?.unwrap_or_default();
            let columns = row.get::<Vec<String>>(5)?.unwrap_or_default();
            let conditions = row.get::<String>(6)?;
            let account = from_postgres(account);
            let names: usize = columns.iter().map(|column| column.len() + 24).sum();
            listeners.entry(account).or_default().push(Heard {
                account,
                automation: from_postgres(automation),
                version: row.get::<i32>(3)?.unwrap_or_default(),
                priority: row.get::<i16>(7)?.unwrap_or_default(),
                asks_record: row.get::<bool>(8)?.unwrap_or_default(),
                listener: read(source, &event, &columns, conditions.as_deref()),
                // as values, conditions take up to twenty times as much as their text
                bytes: 300 + names + conditions.as_ref().map_or(0, |text| text.len() * 20),
            });
        }
        Ok(listeners)
    })
}

/// A row of automations.listeners as `flow` knows it.
fn read(source: &str, event: &str, columns: &[String], conditions: Option<&str>) -> Result<Listener, String> {
    let conditions = match conditions.map(serde_json::from_str::<Value>) {
        None => Value::Null,
        Some(Ok(conditions)) => conditions,
        Some(Err(error)) => return Err(error.to_string()),
    };
    let config = json!({
        "event_source": source, "event_type": event, "columns": columns, "conditions": conditions,
    });
    match Listener::from_config(&config) {
        Ok(Some(listener)) => Ok(listener),
        Ok(None) => Err("it does not say what it listens to".to_owned()),
        Err(problem) => Err(problem.to_string()),
    }
}
