//! The search path of an ordinary session for statements that nodes run, because triggers of the application that they
//! fire may rely on it; and our own for what makes them.

use std::ffi::CStr;

use pgrx::pg_sys;

/// A search path, until it is dropped.
pub struct Path(i32);

impl Path {
    /// Nobody else's names.
    pub fn ours() -> Path {
        Path::begin(Some(c"pg_catalog, pg_temp"))
    }

    /// What a session has that set none.
    pub fn of_the_application() -> Path {
        Path::begin(None)
    }

    fn begin(path: Option<&CStr>) -> Path {
        // SAFETY: as the SET clause of a function; without a value the setting is reset.
        unsafe {
            let nest = pg_sys::NewGUCNestLevel();
            pg_sys::set_config_option(
                c"search_path".as_ptr(),
                path.map_or(std::ptr::null(), CStr::as_ptr),
                pg_sys::GucContext::PGC_USERSET,
                pg_sys::GucSource::PGC_S_SESSION,
                pg_sys::GucAction::GUC_ACTION_SAVE,
                true,
                0,
                false,
            );
            Path(nest)
        }
    }
}

impl Drop for Path {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            // SAFETY: the level that begin() opened. After an error the abort restores the setting instead.
            unsafe { pg_sys::AtEOXact_GUC(true, self.0) };
        }
    }
}
