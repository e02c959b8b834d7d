//! What database nodes do, as the tenant: `become_tenant`, `next_of_tenant`, `last_of_tenant`, `leave_tenant`, and between them `node_change`, `node_find`, `node_insert`, `node_update_lead`.
//!
//! | room | does |
//! |---|---|
//! | [`identity`] | as whom, for which account and execution |
//! | [`shape`] | what a node asks for without its values: the same shape is the same statement |
//! | [`kept`] | the statements of this backend, and when they are forgotten |
//! | [`path`] | under which search path they run |
//!
//! A statement is made by SQL (`node_change_statement` and its sisters), which checks table, columns and operators
//! against the catalogue and refuses what is not allowed; it is planned once and kept. To make and plan one took three
//! times as long as to run it. Nothing but [`identity`] changes who acts: the others run as their caller, PostgreSQL checks
//! rights at each execution and plans again where the role or a policy is another one.

mod identity;
mod kept;
mod path;
mod shape;

use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use pgrx::{AnyElement, FromDatum, Uuid};
use serde_json::json;

use self::kept::{Build, held};
use self::shape::Looked;
use crate::jsonb;
use crate::refusal::Refusal;

/// What a statement gave: how many rows, whether all of them belong to the account, and the first one.
struct Gave {
    rows: usize,
    ok: bool,
    first: Option<AnyElement>,
}

/// `automations.node_change(account_id, table_name, filter, given)`.
#[pg_extern(sql = false)]
fn node_change(
    account_id: Option<Uuid>,
    table_name: Option<&str>,
    filter: Option<AnyElement>,
    given: Option<AnyElement>,
) -> Result<Option<AnyElement>, ErrorReport> {
    let (filter, given) = (Looked::into(filter), Looked::into(given));
    Ok(change("statement", account_id, table_name, &filter, &given)?.first)
}

/// `automations.node_find(account_id, table_name, filter, order_by, most)`.
#[pg_extern(sql = false)]
fn node_find(
    account_id: Option<Uuid>,
    table_name: Option<&str>,
    filter: Option<AnyElement>,
    order_by: Option<AnyElement>,
    most: Option<i32>,
) -> Result<Option<AnyElement>, ErrorReport> {
    let (filter, order_by) = (Looked::into(filter), Looked::into(order_by));
    Ok(find(account_id, table_name, &filter, order_by, most)?)
}

/// `automations.node_insert(account_id, table_name, given, conflict)`.
#[pg_extern(sql = false)]
fn node_insert(
    account_id: Option<Uuid>,
    table_name: Option<&str>,
    given: Option<AnyElement>,
    conflict: Option<Vec<Option<String>>>,
) -> Result<Option<AnyElement>, ErrorReport> {
    let given = Looked::into(given);
    let shape = (given.as_values()).map(|given| json!(["insert", table_name, given, conflict]).to_string());
    let build = Build {
        sql: "SELECT s.tab, s.tab::text, s.about, s.refers, s.statement
                FROM automations.node_insert_statement($1, $2, $3) s",
        arguments: vec![table_name.into(), given.passed_on(), conflict.into()],
        changes: true,
    };
    let gave = run(shape, build, account_id, &Looked::into(None), &given, |table| {
        Refusal::NotOfTheAccount(format!(
            "a row of {table} must belong to the account of the automation"
        ))
    })?;
    match gave.rows {
        0 => Err(Refusal::Taken.into()),
        _ => Ok(gave.first),
    }
}

/// `automations.node_update_lead(account_id, lead_id, updates, create_if_not_exists)`.
#[pg_extern(sql = false)]
fn node_update_lead(
    account_id: Option<Uuid>,
    lead_id: Option<Uuid>,
    updates: Option<AnyElement>,
    create_if_not_exists: Option<bool>,
) -> Result<Option<AnyElement>, ErrorReport> {
    let leads = kept::source_table("lead")?;
    let this = lead_id.map(|id| Looked::made(json!({ "id": id.to_string() })));
    let updates = Looked::into(updates).or_none();
    let found = match &this {
        None => None,
        Some(this) if updates.is_empty() => {
            let rows = find(account_id, Some(&leads), this, Looked::into(None), Some(1))?;
            rows.and_then(jsonb::first_of)
        }
        Some(this) => change("change", account_id, Some(&leads), this, &updates)?.first,
    };
    if found.is_some() {
        return Ok(found);
    }
    if create_if_not_exists == Some(true) {
        return Ok(made(
            account_id,
            &leads,
            &this.unwrap_or(Looked::into(None)),
            &updates,
        )?);
    }
    let lead = lead_id.map_or_else(|| "(none)".to_owned(), |id| id.to_string());
    Err(Refusal::NoLead(lead).into())
}

/// Makes the lead that is not there, with its id where one was named.
fn made(
    account_id: Option<Uuid>,
    leads: &str,
    this: &Looked,
    updates: &Looked,
) -> Result<Option<AnyElement>, Refusal> {
    kept::one(
        "SELECT automations.node_insert($1, $2,
             coalesce($3, '{}'::pg_catalog.jsonb) OPERATOR(pg_catalog.||) coalesce($4, '{}'::pg_catalog.jsonb), NULL)",
        &[account_id.into(), leads.into(), updates.passed_on(), this.passed_on()],
    )
}

fn change(
    which: &'static str,
    account_id: Option<Uuid>,
    table_name: Option<&str>,
    filter: &Looked,
    given: &Looked,
) -> Result<Gave, Refusal> {
    let shape = (filter.as_filter().zip(given.as_values()))
        .map(|(filter, given)| json!([which, table_name, filter, given]).to_string());
    let build = Build {
        sql: match which {
            "change" => {
                "SELECT s.tab, s.tab::text, s.about, s.refers, s.change
                   FROM automations.node_change_statement($1, $2, $3) s"
            }
            _ => {
                "SELECT s.tab, s.tab::text, s.about, s.refers, s.statement
                   FROM automations.node_change_statement($1, $2, $3) s"
            }
        },
        arguments: vec![table_name.into(), filter.passed_on(), given.passed_on()],
        changes: true,
    };
    run(shape, build, account_id, filter, given, |table| {
        Refusal::NotOfTheAccount(format!(
            "a row of {table} must stay in the account of the automation"
        ))
    })
}

fn find(
    account_id: Option<Uuid>,
    table_name: Option<&str>,
    filter: &Looked,
    order_by: Looked,
    most: Option<i32>,
) -> Result<Option<AnyElement>, Refusal> {
    let order = order_by.passed_on();
    let shape = (filter.as_filter().zip(order_by.whole()))
        .map(|(filter, order)| json!(["find", table_name, filter, order, most]).to_string());
    let build = Build {
        sql: "SELECT s.tab, s.tab::text, s.about, s.refers, s.statement
                FROM automations.node_find_statement($1, $2, $3, $4) s",
        arguments: vec![table_name.into(), filter.passed_on(), order, most.into()],
        changes: false,
    };
    let none = Looked::into(None);
    let gave = run(shape, build, account_id, filter, &none, |_| Refusal::Taken)?;
    Ok(gave.first)
}

/// Runs the statement of a shape with these values; `not_ours` is what is said where a row is somebody else's.
fn run(
    shape: Option<String>,
    build: Build<'_>,
    account_id: Option<Uuid>,
    filter: &Looked,
    given: &Looked,
    not_ours: impl FnOnce(&str) -> Refusal,
) -> Result<Gave, Refusal> {
    let held = held(shape, build)?;
    if held.refers() {
        held.look_at_references(account_id, given)?;
    }
    let gave = held.execute(&[account_id.into(), filter.passed_on(), given.passed_on()])?;
    if !gave.ok {
        return Err(not_ours(held.table()));
    }
    held.keep();
    Ok(gave)
}

impl Gave {
    /// Reads what a statement gave: `ok` and a row as jsonb, which is copied to where the caller's values live.
    fn read(table: pgrx::spi::SpiTupleTable<'_>) -> Result<Gave, Refusal> {
        let rows = table.len();
        if rows == 0 {
            return Ok(Gave {
                rows,
                ok: true,
                first: None,
            });
        }
        let table = table.first();
        let mut ok = table.get::<bool>(1)?.unwrap_or(false);
        // SAFETY: a jsonb of the statement's result, copied out of SPI's memory while it is connected.
        let first = table.get_datum_by_ordinal(2)?.and_then(|row| unsafe {
            AnyElement::from_polymorphic_datum(
                pg_sys::SPI_datumTransfer(row, false, -1),
                false,
                pg_sys::JSONBOID,
            )
        });
        if rows > 1 {
            for row in table {
                ok &= row.get::<bool>(1)?.unwrap_or(false);
            }
        }
        Ok(Gave { rows, ok, first })
    }
}
