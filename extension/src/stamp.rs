//! Which making of a function stands in the catalogue: `CREATE OR REPLACE` makes another stamp, as PL/pgSQL sees by the same
//! two fields that it has to compile one again.

use std::ffi::CStr;

use pgrx::pg_sys;

use crate::catalogue;

/// One making of one function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    xmin: u32,
    block: (u16, u16),
    offset: u16,
}

impl Stamp {
    /// Of the function of schema `automations` with this name and these arguments; none if there is none.
    #[must_use]
    pub fn of_function(name: &CStr, arguments: &[pg_sys::Oid]) -> Option<Stamp> {
        catalogue::function(name, arguments, |entry| {
            // SAFETY: a row of pg_proc, which is pinned.
            let (place, xmin) = unsafe {
                let header = (*entry).t_data;
                ((*entry).t_self, (*header).t_choice.t_heap.t_xmin.into_inner())
            };
            Stamp {
                xmin,
                block: (place.ip_blkid.bi_hi, place.ip_blkid.bi_lo),
                offset: place.ip_posid,
            }
        })
    }
}
