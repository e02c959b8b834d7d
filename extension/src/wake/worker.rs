//! The wake-up worker: one background process for each database that `automations.database` names. It sleeps until a
//! commit raises its flag and then sends one NOTIFY for all commits since its last one, so that no commit of the
//! application takes the lock that a NOTIFY holds until it is on disk (DESIGN D3).
//!
//! It is a hint and nothing depends on it: while no worker is there, sessions notify in their own transactions, and
//! daemons poll.

use std::time::{Duration, Instant};

use pgrx::bgworkers::{BackgroundWorker, BackgroundWorkerBuilder, SignalWakeFlags};
use pgrx::pg_sys;
use pgrx::prelude::*;

use super::slots::{self, MOST};
use super::{notify, settings};

/// Under load at most one NOTIFY in this time: each wakes every daemon, and one that has just been woken still claims.
const BETWEEN: Duration = Duration::from_millis(3);

/// A worker that ended is started again after this time, and one that could not connect (its database is not there)
/// tries again after [`NOT_THERE`].
const RESTART: Duration = Duration::from_secs(5);
const NOT_THERE: Duration = Duration::from_secs(60);

/// Registers a worker for each database. Only while the server preloads its libraries.
pub fn register() {
    slots::reserve();
    let databases = settings::databases();
    if databases.len() > MOST {
        pgrx::warning!(
            "automations.database names {} databases; the first {MOST} have a wake-up worker",
            databases.len()
        );
    }
    for (number, database) in databases.iter().take(MOST).enumerate() {
        BackgroundWorkerBuilder::new(&format!("automations wake-up {database}"))
            .set_type("automations wake-up")
            .set_library("automations")
            .set_function("automations_wake_up_worker")
            .set_argument(i32::try_from(number).ok().and_then(IntoDatum::into_datum))
            .set_extra(database)
            .enable_spi_access() // starts when recovery is over: a standby has no worker until it is promoted
            .set_restart_time(Some(RESTART))
            .load();
    }
}

/// The worker's main function; its argument is the number of its slot.
#[pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn automations_wake_up_worker(number: pg_sys::Datum) {
    // SAFETY: the argument that register() gave.
    let number = unsafe { i32::from_datum(number, false) };
    let slot = number.and_then(|number| slots::get(usize::try_from(number).ok()?));
    let Some(slot) = slot else { return };
    BackgroundWorker::attach_signal_handlers(SignalWakeFlags::SIGHUP | SignalWakeFlags::SIGTERM);
    if slot.try_again() && !pause(NOT_THERE) {
        return;
    }
    // ends this process where there is no such database
    BackgroundWorker::connect_worker_to_spi(Some(BackgroundWorker::get_extra()), None);
    // SAFETY: the callback runs once, while this process still has its shared memory.
    unsafe {
        let number = number
            .and_then(IntoDatum::into_datum)
            .unwrap_or(pg_sys::Datum::null());
        pg_sys::before_shmem_exit(Some(leave), number);
        // nothing is lost with an unwritten commit of this process: it writes nothing
        pg_sys::SetConfigOption(
            c"synchronous_commit".as_ptr(),
            c"off".as_ptr(),
            pg_sys::GucContext::PGC_USERSET,
            pg_sys::GucSource::PGC_S_OVERRIDE,
        );
    }
    slot.enter();
    let mut last: Option<Instant> = None;
    loop {
        // before the sleep: enter() raised the flag, and a latch that was set before it was ours wakes nobody
        while slot.lower() {
            if let Some(left) = last.and_then(|last| BETWEEN.checked_sub(last.elapsed())) {
                rest(left);
            }
            BackgroundWorker::transaction(notify);
            last = Some(Instant::now());
        }
        if !BackgroundWorker::wait_latch(None) {
            break;
        }
    }
    slot.leave();
    // an end that nobody but the postmaster notices: with 1 it starts the worker again, unless the server stops
    // SAFETY: the last thing that this process does.
    unsafe { pg_sys::proc_exit(1) };
}

/// Sleeps, until the configuration is read again at most: whoever has made the database meanwhile says so by
/// `pg_reload_conf()`. False when this process was asked to end.
fn pause(time: Duration) -> bool {
    let until = Instant::now() + time;
    while let Some(left) = until.checked_duration_since(Instant::now()) {
        if BackgroundWorker::sighup_received() {
            break;
        }
        // a millisecond more, because a timeout of less than one is none
        if !BackgroundWorker::wait_latch(Some(left + Duration::from_millis(1))) {
            return false;
        }
    }
    true
}

/// Sleeps a few milliseconds without listening to the latch: commits set it all the time.
fn rest(time: Duration) {
    let milliseconds = i64::try_from(time.as_millis()).unwrap_or(0) + 1;
    // SAFETY: a latch of this process; the death of the postmaster ends it.
    unsafe {
        pg_sys::WaitLatch(
            std::ptr::null_mut(),
            (pg_sys::WL_TIMEOUT | pg_sys::WL_EXIT_ON_PM_DEATH) as i32,
            milliseconds,
            pg_sys::PG_WAIT_EXTENSION,
        );
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn leave(_code: i32, number: pg_sys::Datum) {
    // SAFETY: the argument that was registered.
    let number = unsafe { i32::from_datum(number, false) };
    if let Some(slot) = number.and_then(|number| slots::get(usize::try_from(number).ok()?)) {
        slot.leave();
    }
}
