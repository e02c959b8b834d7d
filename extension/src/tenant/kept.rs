//! The statements of this backend, by shape: made and planned once, forgotten when a table that they name changes or
//! `automations.sources` does (its triggers say so, `capture::announce`), through the relation cache. PostgreSQL itself
//! plans again what concerns the plan alone: indexes, statistics, policies, another role.
//!
//! A statement is taken out while it runs and put back when it has succeeded: one that failed is made anew the next
//! time, so nothing wrong stays here for long, and one that a trigger of the application runs inside itself is another.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::mem::ManuallyDrop;
use std::sync::Once;

use pgrx::datum::DatumWithOid;
use pgrx::prelude::*;
use pgrx::spi::OwnedPreparedStatement;
use pgrx::{FromDatum, Uuid};

use super::Gave;
use super::path::Path;
use super::shape::Looked;
use crate::newest;
use crate::plans::{Plan, plan};
use crate::refusal::Refusal;

/// How many a backend keeps. One takes some 50 kB, and hundreds of times its text where that is long:
const MOST: usize = 200;
/// longer ones are made for the one time.
const LONGEST: usize = 8 << 10;

/// How a statement is made.
pub struct Build<'a> {
    /// The call that makes it: table, its name, what it is about, whether it refers to others, the text.
    pub sql: &'static str,
    /// What that is told.
    pub arguments: Vec<DatumWithOid<'a>>,
    /// The statement changes rows.
    pub changes: bool,
}

struct Statement {
    table: pg_sys::Oid,
    name: String,
    refers: bool,
    changes: bool,
    /// Bytes of its text.
    length: usize,
    /// Freed only between statements: at the backend's exit and while an error is on its way nobody could do it safely.
    plan: ManuallyDrop<OwnedPreparedStatement>,
}

/// A statement in use.
pub struct Held {
    shape: Option<String>,
    /// The number of changes when it was looked up or made.
    changes: u64,
    statement: Option<Statement>,
}

thread_local! {
    static SOURCE_TABLE: Plan = const { Plan::new() };
    static KEPT: RefCell<HashMap<String, Statement>> = RefCell::default();
    /// The names of the tables that sources are: kept and forgotten with the statements.
    static SOURCES: RefCell<HashMap<String, String>> = RefCell::default();
    /// Of no use any more.
    static DEAD: RefCell<Vec<Statement>> = const { RefCell::new(Vec::new()) };
    /// The tables that the kept ones are about.
    static ABOUT: RefCell<HashSet<pg_sys::Oid>> = RefCell::default();
    /// How often one of them has changed, and as of when the kept ones are.
    static CHANGES: Cell<u64> = const { Cell::new(0) };
    /// How often any relation has changed: what a statement will be about is not known before it is made.
    static HEARD: Cell<u64> = const { Cell::new(0) };
    static KEPT_SINCE: Cell<u64> = const { Cell::new(0) };
}

/// The statement of a shape, made where there is none. Without a shape it is made for this one time.
pub fn held(shape: Option<String>, build: Build<'_>) -> Result<Held, Refusal> {
    bury();
    let changes = look_up()?;
    let known = shape
        .as_ref()
        .and_then(|shape| KEPT.with_borrow_mut(|kept| kept.remove(shape)));
    let (statement, is_sound) = match known {
        Some(statement) => (statement, true),
        None => {
            let heard = HEARD.get();
            let statement = Statement::make(build)?;
            // made by what was there before something changed, or by a snapshot that may be older: for this one time
            (statement, newest::is_seen() && heard == HEARD.get())
        }
    };
    Ok(Held {
        shape: shape.filter(|_| is_sound),
        changes,
        statement: Some(statement),
    })
}

/// The name of the table that a source is, as node_table takes it.
pub fn source_table(source: &str) -> Result<String, Refusal> {
    look_up()?;
    if let Some(name) = SOURCES.with_borrow(|sources| sources.get(source).cloned()) {
        return Ok(name);
    }
    let heard = HEARD.get();
    let (name, table) = newest::seeing(|| {
        Spi::connect(|client| {
            let text = "SELECT automations.node_source_table($1),
                            (SELECT s.tab::pg_catalog.oid FROM automations.sources s
                              WHERE s.source OPERATOR(pg_catalog.=) $1)";
            let plan = plan(&SOURCE_TABLE, client, text, &[PgBuiltInOids::TEXTOID.oid()])?;
            let row = client.select(plan, Some(1), &[source.into()])?.first();
            Ok::<_, Refusal>((
                row.get::<String>(1)?.unwrap_or_default(),
                row.get::<pg_sys::Oid>(2)?,
            ))
        })
    })?;
    ABOUT.with_borrow_mut(|about| about.extend(table));
    if newest::is_seen() && heard == HEARD.get() {
        SOURCES.with_borrow_mut(|sources| sources.insert(source.to_owned(), name.clone()));
    }
    Ok(name)
}

/// Takes in what has changed; as of which change everything is that is kept.
fn look_up() -> Result<u64, Refusal> {
    listen()?;
    let changes = CHANGES.get();
    if KEPT_SINCE.replace(changes) != changes {
        forget();
    }
    Ok(changes)
}

/// The only value of a statement in which every name is qualified.
pub fn one<T: FromDatum + IntoDatum>(
    sql: &str,
    arguments: &[DatumWithOid<'_>],
) -> Result<Option<T>, Refusal> {
    Ok(Spi::get_one_with_args(sql, arguments)?)
}

impl Statement {
    fn make(build: Build<'_>) -> Result<Statement, Refusal> {
        let changes = build.changes;
        let (table, name, refers, text) = {
            let _ours = Path::ours();
            newest::seeing(|| {
                Spi::connect(|client| {
                    let made = client.select(build.sql, Some(1), &build.arguments)?.first();
                    let about = made.get::<Vec<pg_sys::Oid>>(3)?.unwrap_or_default();
                    ABOUT.with_borrow_mut(|all| all.extend(about));
                    Ok::<_, Refusal>((
                        made.get::<pg_sys::Oid>(1)?.unwrap_or(pg_sys::InvalidOid),
                        made.get::<String>(2)?.unwrap_or_default(),
                        made.get::<bool>(4)?.unwrap_or(true),
                        made.get::<String>(5)?.unwrap_or_default(),
                    ))
                })
            })?
        };
        let _theirs = Path::of_the_application();
        let types = [
            PgBuiltInOids::UUIDOID.oid(),
            PgBuiltInOids::JSONBOID.oid(),
            PgBuiltInOids::JSONBOID.oid(),
        ];
        let plan = Spi::connect(|client| {
            let plan = match changes {
                true => client.prepare_mut(&*text, &types)?,
                false => client.prepare(&*text, &types)?,
            };
            Ok::<_, Refusal>(plan.keep())
        })?;
        Ok(Statement {
            table,
            name,
            refers,
            changes,
            length: text.len(),
            plan: ManuallyDrop::new(plan),
        })
    }
}

impl Held {
    fn statement(&self) -> &Statement {
        // taken out by keep() and drop() only, which end its life
        match &self.statement {
            Some(statement) => statement,
            None => unreachable!("a statement that is held is there"),
        }
    }

    /// Whether one of its columns refers to another table.
    pub fn refers(&self) -> bool {
        self.statement().refers
    }

    /// The table's name, for people.
    pub fn table(&self) -> &str {
        &self.statement().name
    }

    /// Refuses values that refer to rows of another account.
    pub fn look_at_references(&self, account_id: Option<Uuid>, given: &Looked) -> Result<(), Refusal> {
        // SAFETY: the oid of a table, as a regclass.
        let table = unsafe { DatumWithOid::new(self.statement().table, pg_sys::REGCLASSOID) };
        Spi::run_with_args(
            "SELECT automations.node_references($1, $2, $3)",
            &[account_id.into(), table, given.passed_on()],
        )?;
        Ok(())
    }

    /// Runs it.
    pub fn execute(&self, arguments: &[DatumWithOid<'_>]) -> Result<Gave, Refusal> {
        let statement = self.statement();
        let plan: &OwnedPreparedStatement = &statement.plan;
        let _theirs = Path::of_the_application();
        match statement.changes {
            true => Spi::connect_mut(|client| Gave::read(client.update(plan, None, arguments)?)),
            false => Spi::connect(|client| Gave::read(client.select(plan, None, arguments)?)),
        }
    }

    /// Puts it back: it has succeeded.
    pub fn keep(mut self) {
        let is_long = |statement: &Statement| statement.length > LONGEST;
        if self.changes != CHANGES.get()
            || self.statement.as_ref().is_some_and(is_long)
            || self.shape.as_ref().is_some_and(|shape| shape.len() > LONGEST)
        {
            return;
        }
        if let (Some(shape), Some(statement)) = (self.shape.take(), self.statement.take()) {
            if KEPT.with_borrow(HashMap::len) >= MOST {
                forget();
            }
            let before = KEPT.with_borrow_mut(|kept| kept.insert(shape, statement));
            DEAD.with_borrow_mut(|dead| dead.extend(before));
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        DEAD.with_borrow_mut(|dead| dead.extend(self.statement.take()));
    }
}

/// Forgets all of them.
fn forget() {
    SOURCES.take();
    let all = KEPT.take();
    DEAD.with_borrow_mut(|dead| dead.extend(all.into_values()));
    if DEAD.with_borrow(|dead| dead.len() > MOST) {
        bury();
    }
}

/// Frees those that nobody uses any more.
fn bury() {
    for statement in DEAD.take() {
        drop(ManuallyDrop::into_inner(statement.plan));
    }
}

/// Asks to be told of changes, once for a backend; and always of `automations.sources`.
fn listen() -> Result<(), Refusal> {
    static ASKED: Once = Once::new();
    // SAFETY: the callbacks live as long as the process.
    ASKED.call_once(|| unsafe {
        pg_sys::CacheRegisterRelcacheCallback(Some(relation_changed), pg_sys::Datum::from(0));
        let schemas = pg_sys::SysCacheIdentifier::NAMESPACEOID as i32;
        pg_sys::CacheRegisterSyscacheCallback(schemas, Some(schema_changed), pg_sys::Datum::from(0));
    });
    // SAFETY: plain catalogue look-ups inside a transaction.
    let sources = unsafe {
        let schema = pg_sys::get_namespace_oid(c"automations".as_ptr(), true);
        pg_sys::get_relname_relid(c"sources".as_ptr(), schema)
    };
    if sources == pg_sys::InvalidOid {
        return Err(Refusal::NotInstalled);
    }
    ABOUT.with_borrow_mut(|about| about.insert(sources));
    Ok(())
}

/// Called by PostgreSQL wherever it hears of changes: counts, and does nothing else.
#[pg_guard]
unsafe extern "C-unwind" fn relation_changed(_argument: pg_sys::Datum, relation: pg_sys::Oid) {
    HEARD.set(HEARD.get().wrapping_add(1));
    let matters = relation == pg_sys::InvalidOid
        || ABOUT.with(|about| about.try_borrow().map_or(true, |about| about.contains(&relation)));
    if matters {
        CHANGES.set(CHANGES.get().wrapping_add(1));
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn schema_changed(_argument: pg_sys::Datum, _cache: i32, _hash: u32) {
    CHANGES.set(CHANGES.get().wrapping_add(1));
}
