//! What a claim returns, row by row, as `claim()` has its columns.

use std::cell::Cell;

use pgrx::{IntoDatum, PgMemoryContexts, pg_sys};
use uuid::Uuid;

use crate::clock;
use crate::ids::to_postgres;
use crate::jsonb;
use crate::refusal::Refusal;
use crate::tables::queue_rows::Row;

/// How many columns the answer has.
const COLUMNS: usize = 19;

/// Where the columns of rows without an id are.
const ACCOUNT: usize = 1;
const LOOK_IN: usize = COLUMNS - 3;
const PLACE: usize = COLUMNS - 1;

/// An account is looked through up to a place that is at least so old, in microseconds: what is committed later may have come
/// earlier.
const SETTLED: i64 = 250_000;

/// What the function returns.
pub struct Answer {
    store: *mut pg_sys::Tuplestorestate,
    description: pg_sys::TupleDesc,
    /// Whoever asks wants to know up to which places accounts were looked through.
    tells_places: bool,
    says_something: Cell<bool>,
}

impl Answer {
    /// # Safety
    /// The call of a function that returns rows of [`COLUMNS`] columns.
    pub unsafe fn begin(call: pg_sys::FunctionCallInfo, tells_places: bool) -> Result<Answer, Refusal> {
        // SAFETY: as the caller says, and as InitMaterializedSRF() of later versions of Postgres does it.
        unsafe {
            let asked = (*call).resultinfo.cast::<pg_sys::ReturnSetInfo>();
            let allows = |mode| (*asked).allowedModes & mode as i32 != 0;
            if asked.is_null()
                || !allows(pg_sys::SetFunctionReturnMode::SFRM_Materialize)
                || (*asked).expectedDesc.is_null()
                || usize::try_from((*(*asked).expectedDesc).natts) != Ok(COLUMNS)
            {
                return Err(Refusal::Argument(
                    "claim() gives rows: SELECT * FROM automations.claim(...)".to_owned(),
                ));
            }
            let mut memory = PgMemoryContexts::For((*(*asked).econtext).ecxt_per_query_memory);
            let (store, description) = memory.switch_to(|_| {
                let random = allows(pg_sys::SetFunctionReturnMode::SFRM_Materialize_Random);
                (
                    pg_sys::tuplestore_begin_heap(random, false, pg_sys::work_mem),
                    pg_sys::CreateTupleDescCopy((*asked).expectedDesc),
                )
            });
            (*asked).returnMode = pg_sys::SetFunctionReturnMode::SFRM_Materialize;
            (*asked).setResult = store;
            (*asked).setDesc = description;
            Ok(Answer {
                store,
                description,
                tells_places,
                says_something: Cell::new(false),
            })
        }
    }

    /// Whether there is a row in it.
    pub fn says_something(&self) -> bool {
        self.says_something.get()
    }

    /// One that was claimed.
    pub fn say(&self, row: &Row<'_>, now: i64) {
        let trigger_data = row.trigger_data().map(jsonb::text_datum_of);
        self.put([
            uuid_datum(row.id()),
            uuid_datum(row.account()),
            uuid_datum(row.automation()),
            row.version(),
            row.trigger_type(),
            trigger_data,
            row.lead().and_then(uuid_datum),
            row.conversation().and_then(uuid_datum),
            row.caused_by(),
            row.depth().into_datum(),
            row.is_test().into_datum(),
            row.occurred_at().into_datum(),
            row.attempt().saturating_add(1).into_datum(),
            0_i16.into_datum(),
            false.into_datum(),
            clock::milliseconds(row.occurred_at(), now).into_datum(),
            None,
            false.into_datum(),
            None,
        ]);
        if let Some(text) = trigger_data {
            // SAFETY: made above, and copied since; there may be many of them, and long ones.
            unsafe { pg_sys::pfree(text.cast_mut_ptr()) };
        }
    }

    /// Up to which place nothing more of this account has to be looked for; none: there is nothing more.
    pub fn say_place(&self, account: Uuid, last: Option<Uuid>) {
        if !self.tells_places {
            return;
        }
        let settled = clock::first_uuid_of(clock::now().saturating_sub(SETTLED));
        let mut values = [None; COLUMNS];
        values[ACCOUNT] = uuid_datum(account);
        values[PLACE] = uuid_datum(last.map_or(settled, |last| last.min(settled)));
        self.put(values);
    }

    /// That there is more, about which somebody else decides.
    pub fn say_more(&self) {
        let mut values = [None; COLUMNS];
        values[LOOK_IN] = 0_i64.into_datum();
        self.put(values);
    }

    /// What a statement with the same columns gave.
    ///
    /// # Safety
    /// The rows of such a statement.
    pub unsafe fn pass_on(&self, rows: *mut pg_sys::SPITupleTable) {
        if rows.is_null() {
            return;
        }
        // SAFETY: as the caller says; the store copies them.
        unsafe {
            let count = usize::try_from((*rows).numvals).unwrap_or(0);
            for row in std::slice::from_raw_parts((*rows).vals, count) {
                pg_sys::tuplestore_puttuple(self.store, *row);
            }
        }
    }

    fn put(&self, values: [Option<pg_sys::Datum>; COLUMNS]) {
        self.says_something.set(true);
        let mut nulls = values.map(|value| value.is_none());
        let mut values = values.map(|value| value.unwrap_or(pg_sys::Datum::null()));
        // SAFETY: a store of rows of so many columns of these types, which copies them.
        unsafe {
            pg_sys::tuplestore_putvalues(
                self.store,
                self.description,
                values.as_mut_ptr(),
                nulls.as_mut_ptr(),
            );
        }
    }
}

fn uuid_datum(id: Uuid) -> Option<pg_sys::Datum> {
    to_postgres(id).into_datum()
}
