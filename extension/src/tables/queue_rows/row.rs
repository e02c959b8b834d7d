//! A row of the queue: what its columns say.

use pgrx::pg_sys;
use uuid::Uuid;

use super::Read;
use crate::tables::{uuid, value};

/// A row. What it holds lies in its page, which stays where it is until the row is closed.
pub struct Row<'s> {
    pub(super) slot: *mut pg_sys::TupleTableSlot,
    pub(super) read: &'s Read,
}

impl Row<'_> {
    pub(super) fn value(&self, column: usize) -> Option<pg_sys::Datum> {
        // SAFETY: all columns were read when it was found.
        unsafe { value(self.slot, column) }
    }

    fn uuid(&self, column: usize) -> Option<Uuid> {
        // SAFETY: the columns that this is called with are uuids.
        self.value(column).map(|datum| unsafe { uuid(datum) })
    }

    fn is(&self, column: usize) -> bool {
        self.value(column).is_some_and(|value| value.value() != 0)
    }

    /// Its owner.
    pub fn account(&self) -> Uuid {
        self.uuid(self.read.account_id).unwrap_or_default()
    }

    /// The id of the execution to be.
    pub fn id(&self) -> Uuid {
        self.uuid(self.read.id).unwrap_or_default()
    }

    /// The automation that hears it.
    pub fn automation(&self) -> Uuid {
        self.uuid(self.read.automation_id).unwrap_or_default()
    }

    /// The version that heard it.
    pub fn version(&self) -> Option<pg_sys::Datum> {
        self.value(self.read.version)
    }

    /// What started it.
    pub fn trigger_type(&self) -> Option<pg_sys::Datum> {
        self.value(self.read.trigger_type)
    }

    /// What changed.
    pub fn trigger_data(&self) -> Option<pg_sys::Datum> {
        self.value(self.read.trigger_data)
    }

    /// The lead that it is about.
    pub fn lead(&self) -> Option<Uuid> {
        self.uuid(self.read.lead_id)
    }

    /// The conversation that it is about.
    pub fn conversation(&self) -> Option<Uuid> {
        self.uuid(self.read.conversation_id)
    }

    /// The execution whose write caused it.
    pub fn caused_by(&self) -> Option<pg_sys::Datum> {
        self.value(self.read.caused_by)
    }

    /// How many caused one another before it.
    pub fn depth(&self) -> i16 {
        self.value(self.read.depth)
            .map_or(0, |depth| depth.value() as i16)
    }

    /// Whether somebody only tries it.
    pub fn is_test(&self) -> bool {
        self.is(self.read.test_mode)
    }

    /// When it happened: microseconds since 2000.
    pub fn occurred_at(&self) -> i64 {
        self.value(self.read.occurred_at)
            .map_or(0, |at| at.value() as i64)
    }

    /// Whether it has a row of its own.
    pub fn has_execution(&self) -> bool {
        self.is(self.read.has_execution)
    }

    /// How often it has been claimed.
    pub fn attempt(&self) -> i32 {
        self.value(self.read.attempt)
            .map_or(0, |attempt| attempt.value() as i32)
    }

    /// Whether daemons have died with it.
    pub fn has_crashed(&self) -> bool {
        self.is(self.read.crashes)
    }

    /// Whether it has a place of its own in the line.
    pub fn has_priority(&self) -> bool {
        self.is(self.read.priority)
    }

    /// Whether it is about a record that matters.
    pub fn has_record(&self) -> bool {
        self.value(self.read.record).is_some()
    }

    /// Whether nobody has claimed it.
    pub fn is_free(&self) -> bool {
        self.value(self.read.lease_token).is_none()
    }

    /// Whether the lease with this token holds, at a time in microseconds since 2000.
    pub fn is_leased(&self, token: Uuid, at: i64) -> bool {
        let until = self
            .value(self.read.lease_until)
            .map(|until| until.value() as i64);
        self.uuid(self.read.lease_token) == Some(token) && until.is_some_and(|until| until > at)
    }

    /// What was kept of its steps.
    pub fn steps(&self) -> Option<pg_sys::Datum> {
        self.value(self.read.steps)
    }

    /// Lets go of its page.
    pub fn close(self) {
        // SAFETY: the slot is this row's own.
        unsafe { pg_sys::ExecDropSingleTupleTableSlot(self.slot) }
    }
}
