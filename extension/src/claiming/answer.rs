//! What a claim returns, row by row, as `claim_captured()` has its columns.

use pgrx::{IntoDatum, PgMemoryContexts, pg_sys};
use uuid::Uuid;

use crate::clock;
use crate::ids::to_postgres;
use crate::refusal::Refusal;
use crate::tables::queue_rows::Row;

/// How many columns the answer has.
const COLUMNS: usize = 16;

/// What the function returns, row by row, as `claim()` has its columns.
pub struct Answer {
    store: *mut pg_sys::Tuplestorestate,
    description: pg_sys::TupleDesc,
}

impl Answer {
    /// # Safety
    /// The call of a function that returns rows of [`COLUMNS`] columns.
    pub unsafe fn begin(call: pg_sys::FunctionCallInfo) -> Result<Answer, Refusal> {
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
                    "claim_captured() is called by claim()".to_owned(),
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
            Ok(Answer { store, description })
        }
    }

    /// One that was claimed.
    pub fn say(&self, row: &Row<'_>, now: i64) {
        self.put([
            uuid_datum(row.id()),
            uuid_datum(row.account()),
            uuid_datum(row.automation()),
            row.version(),
            row.trigger_type(),
            row.trigger_data(),
            row.lead().and_then(uuid_datum),
            row.conversation().and_then(uuid_datum),
            row.caused_by(),
            row.depth().into_datum(),
            row.is_test().into_datum(),
            row.occurred_at().into_datum(),
            row.attempt().saturating_add(1).into_datum(),
            clock::milliseconds(row.occurred_at(), now).into_datum(),
            None,
            None,
        ]);
    }

    /// Up to which place nothing more of this account has to be looked for; none: there is nothing more.
    pub fn say_place(&self, account: Uuid, last: Option<Uuid>) {
        let mut values = [None; COLUMNS];
        values[1] = uuid_datum(account);
        values[COLUMNS - 1] = last.and_then(uuid_datum);
        self.put(values);
    }

    /// That there is more, about which somebody else decides.
    pub fn say_more(&self) {
        let mut values = [None; COLUMNS];
        values[COLUMNS - 2] = 0_i64.into_datum();
        self.put(values);
    }

    fn put(&self, values: [Option<pg_sys::Datum>; COLUMNS]) {
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
