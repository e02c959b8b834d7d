//! The settings of the extension, registered when its library is loaded, and their prefix reserved: a misspelt
//! `automations.databse` is an error and not a wish that nobody hears.

use std::ffi::{CStr, CString};

use pgrx::{GucContext, GucFlags, GucRegistry, GucSetting, pg_sys};

static DATABASE: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(c""));
static EXECUTION_ID: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(c""));
static DEPTH: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(c""));
static NOTE: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(c""));

/// Registers them. `preloading`: the server is starting, so that `automations.database` can be one that only a start
/// of the server changes; in a library that a session loads it has no effect and is only known.
pub fn register(preloading: bool) {
    GucRegistry::define_string_guc(
        c"automations.database",
        c"Databases that have a wake-up worker, separated by commas.",
        c"Looked at when the server starts with the library in shared_preload_libraries. A session of any other \
          database notifies daemons in its own transactions.",
        &DATABASE,
        if preloading {
            GucContext::Postmaster
        } else {
            GucContext::Sighup
        },
        GucFlags::default(),
    );
    let ours = GucFlags::NO_SHOW_ALL | GucFlags::DISALLOW_IN_FILE | GucFlags::DISALLOW_IN_AUTO_FILE;
    for (name, about, setting) in [
        (
            c"automations.execution_id",
            c"The execution whose node writes in this transaction; counts in a session of the daemon only.",
            &EXECUTION_ID,
        ),
        (
            c"automations.depth",
            c"How many automations started each other before this one; counts in a session of the daemon only.",
            &DEPTH,
        ),
        (
            c"automations.note",
            c"The note that publish() gives to the version that this transaction makes.",
            &NOTE,
        ),
    ] {
        GucRegistry::define_string_guc(name, about, c"Set by automations itself.", setting, GucContext::Userset, ours);
    }
    reserve(c"automations");
}

fn reserve(prefix: &CStr) {
    // SAFETY: a string that ends with zero, of this library.
    unsafe {
        #[cfg(not(feature = "pg14"))]
        pg_sys::MarkGUCPrefixReserved(prefix.as_ptr());
        #[cfg(feature = "pg14")]
        pg_sys::EmitWarningsOnPlaceholders(prefix.as_ptr());
    }
}

/// The databases that shall have a worker, each once.
#[must_use]
pub fn databases() -> Vec<String> {
    let list = DATABASE.get().unwrap_or_default();
    names(&list.to_string_lossy())
}

/// Names separated by commas, in double quotes where they hold a comma; each once.
fn names(list: &str) -> Vec<String> {
    let (mut names, mut name, mut quoted) = (Vec::new(), String::new(), false);
    for character in list.chars().chain([',']) {
        match character {
            '"' => quoted = !quoted,
            ',' if !quoted => {
                let one = std::mem::take(&mut name).trim().to_owned();
                if !one.is_empty() && !names.contains(&one) {
                    names.push(one);
                }
            }
            other => name.push(other),
        }
    }
    names
}

#[cfg(test)]
mod unit {
    use super::names;

    #[test]
    fn a_list_of_databases_is_read_as_people_write_it() {
        for (list, read) in [
            ("", vec![]),
            ("app", vec!["app"]),
            (" app , crm,app", vec!["app", "crm"]),
            (r#""a,b", c"#, vec!["a,b", "c"]),
            (",,", vec![]),
        ] {
            assert_eq!(names(list), read, "{list}");
        }
    }
}
