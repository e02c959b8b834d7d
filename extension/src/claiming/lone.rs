//! Which account alone has anything waiting, where nobody else has anything to say about what runs.

use std::ops::ControlFlow;

use pgrx::pg_sys;
use pgrx::prelude::*;
use uuid::Uuid;

use crate::ids::{from_postgres, own_identifier, to_postgres};
use crate::plans::{Plan, plan};
use crate::refusal::Refusal;
use crate::tables::queue_rows::Scan;
use crate::tables::{lock_first, settings, small};

thread_local! {
    static ACCOUNT: Plan = const { Plan::new() };
}

/// Whether an operator has granted the account something, and its automations that may not run.
const ACCOUNT_SQL: &str = "
    SELECT EXISTS (SELECT FROM public.automation_accounts a WHERE a.account_id = $1),
           ARRAY(SELECT a.id FROM public.automations a WHERE a.user_id = $1 AND NOT (a.enabled AND a.status = 'active'))";

/// Executions that caused one another, at most, unless the settings say otherwise.
const DEPTH_LIMIT: i32 = 8;

/// An account that alone has anything waiting.
pub struct Lone {
    pub account: Uuid,
    /// Executions that caused one another, at most.
    pub depth_limit: i32,
    /// Its automations that may not run, in order.
    pub stopped: Vec<Uuid>,
}

impl Lone {
    /// The one that is known, else the first; none where several accounts, priorities or an operator have a say.
    ///
    /// # Errors
    /// What SPI refuses.
    pub fn find(scan: &mut Scan<'_>, known: Option<Uuid>, depth_limit: i32) -> Result<Option<Lone>, Refusal> {
        let Some(account) = known.or_else(|| scan.first_account()) else {
            return Ok(None);
        };
        if scan.has_others(account) || scan.has_priorities() {
            return Ok(None);
        }
        Spi::connect(|client| {
            let statement = plan(&ACCOUNT, client, ACCOUNT_SQL, &[PgOid::from(pg_sys::UUIDOID)])?;
            let row = client
                .select(statement, None, &[to_postgres(account).into()])?
                .first();
            if row.get::<bool>(1)? != Some(false) {
                return Ok(None);
            }
            let stopped = row.get::<Vec<pgrx::Uuid>>(2)?.unwrap_or_default();
            let mut stopped: Vec<Uuid> = stopped.into_iter().map(from_postgres).collect();
            stopped.sort_unstable();
            Ok(Some(Lone {
                account,
                depth_limit,
                stopped,
            }))
        })
    }
}

/// How many executions may have caused one another, where no automation has a limit of its own and all may run. Asked before the
/// queue is locked, in the order in which `install()` locks these tables, and of nobody who has to be waited for.
pub fn depth_limit() -> Option<i32> {
    if !lock_first() {
        return None;
    }
    let depth_limit = said_depth_limit()?;
    // SAFETY: called by a statement.
    let limits = unsafe { small::read(c"limits", &[], |[]| ControlFlow::Break(())) };
    limits?.is_continue().then_some(depth_limit)
}

/// What the settings say; none where nothing may run: everything is paused, or this is a copy of the database that was installed
/// (`is_foreign()`). None as well where a setting cannot be read here: then it is for whoever asks by queries to say so.
fn said_depth_limit() -> Option<i32> {
    let mut limit = DEPTH_LIMIT;
    let names = ["paused", "depth_limit", "database_oid", "system_identifier"];
    // SAFETY: called by a statement.
    let read = unsafe {
        settings::read(&names, |name, value| {
            let bare = value.trim_matches('"');
            match name {
                "paused" if value != "true" => ControlFlow::Continue(()),
                "depth_limit" => bare.parse().map_or(ControlFlow::Break(()), |depth| {
                    limit = depth;
                    ControlFlow::Continue(())
                }),
                "database_oid" | "system_identifier" if own_identifier(name).as_deref() == Some(bare) => {
                    ControlFlow::Continue(())
                }
                _ => ControlFlow::Break(()),
            }
        })
    };
    read?.is_continue().then_some(limit)
}
