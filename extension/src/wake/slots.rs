//! Shared memory of the wake-up: for each database that has a worker its oid, a flag that something was queued, and
//! the worker's latch. Atomics only, because a commit callback must neither wait nor fail (DESIGN D3, section 7).

use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering};

use pgrx::prelude::*;
use pgrx::{AssertPGRXSharedMemory, PgAtomic, pg_sys};

/// Databases that can have a worker: each takes one of `max_worker_processes`, of which a server has eight unless told.
pub const MOST: usize = 16;

/// One database's worker.
#[derive(Default)]
pub struct Slot {
    /// The database; 0 while no worker is there.
    database: AtomicU32,
    /// Something was queued since the worker looked.
    raised: AtomicBool,
    /// Lies in shared memory like the slot, and stays valid memory when the worker has gone.
    latch: AtomicPtr<pg_sys::Latch>,
    /// The worker has tried to connect and has not said that it could.
    tried: AtomicBool,
}

type Slots = AssertPGRXSharedMemory<[Slot; MOST]>;

// SAFETY: the name is ours.
static SLOTS: PgAtomic<Slots> = unsafe { PgAtomic::new(c"automations wake-up") };

/// Set once, in the postmaster; whoever it forks inherits it. Without it there is no shared memory to look at.
static RESERVED: AtomicBool = AtomicBool::new(false);

/// Asks for the memory. Only while the server preloads its libraries.
#[allow(unexpected_cfgs)] // the macro asks for releases that this crate has no feature for
pub fn reserve() {
    pgrx::pg_shmem_init!(SLOTS = none());
    RESERVED.store(true, Ordering::Relaxed);
}

fn none() -> Slots {
    // SAFETY: atomics, one pointer of which leads into shared memory.
    unsafe { Slots::new(std::array::from_fn(|_| Slot::default())) }
}

/// The slot of a worker by its number.
pub fn get(number: usize) -> Option<&'static Slot> {
    RESERVED
        .load(Ordering::Relaxed)
        .then(|| SLOTS.get().get(number))?
}

/// The slot of this session's database, where a worker is there.
pub fn of_this_database() -> Option<&'static Slot> {
    if !RESERVED.load(Ordering::Relaxed) {
        return None;
    }
    // SAFETY: reads a variable of this process.
    let here = unsafe { pg_sys::MyDatabaseId }.to_u32();
    SLOTS
        .get()
        .iter()
        .find(|slot| here != 0 && slot.database.load(Ordering::Acquire) == here)
}

impl Slot {
    /// Something was queued: wakes the worker unless somebody has done so already. Cannot fail.
    pub fn raise(&self) {
        if self.raised.swap(true, Ordering::AcqRel) {
            return;
        }
        let latch = self.latch.load(Ordering::Acquire);
        if !latch.is_null() {
            // SAFETY: a latch of a process's entry in shared memory. When the worker has gone it is nobody's or some
            // other process's, which then looks once in vain.
            unsafe { pg_sys::SetLatch(latch) };
        }
    }

    /// Whether something was queued since the last call.
    pub fn lower(&self) -> bool {
        self.raised.swap(false, Ordering::AcqRel)
    }

    /// This process is the worker now. What was queued before is looked at first, whoever queued it.
    pub fn enter(&self) {
        // SAFETY: variables of this process, which is connected to its database.
        let (database, latch) = unsafe { (pg_sys::MyDatabaseId, pg_sys::MyLatch) };
        self.latch.store(latch, Ordering::Release);
        self.raised.store(true, Ordering::Release);
        self.tried.store(false, Ordering::Release);
        self.database.store(database.to_u32(), Ordering::Release);
    }

    /// Nobody is the worker any more.
    pub fn leave(&self) {
        self.database.store(0, Ordering::Release);
        self.latch.store(std::ptr::null_mut(), Ordering::Release);
    }

    /// Notes an attempt to connect; true where the last one came to nothing.
    pub fn try_again(&self) -> bool {
        self.tried.swap(true, Ordering::AcqRel)
    }
}
