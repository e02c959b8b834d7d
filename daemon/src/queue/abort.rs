//! The switch that proves that nothing is lost: for tests, the process aborts itself at its Nth durable write. Where
//! there is no switch this costs one look at a `None`.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How long a write is left alone that the process is to die during: some are done by then and some are not.
const DURING: Duration = Duration::from_micros(300);

/// When, around that write, the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Nothing of it has reached the database.
    Before,
    /// It is on its way: whether it is committed nobody knows.
    During,
    /// It is committed, and nobody has learned of it.
    After,
}

/// Which write is the last: `N`, `N:before`, `N:during` or `N:after`, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AbortAt {
    /// The number of the write.
    pub write: u64,
    /// The moment.
    pub when: When,
}

/// A value of the switch that means nothing.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a write to abort at: give N, N:before, N:during or N:after, N from 1")]
pub struct NotAWrite;

impl FromStr for AbortAt {
    type Err = NotAWrite;

    fn from_str(text: &str) -> Result<AbortAt, NotAWrite> {
        let (number, when) = text.split_once(':').unwrap_or((text, "before"));
        let when = match when {
            "before" => When::Before,
            "during" => When::During,
            "after" => When::After,
            _ => return Err(NotAWrite),
        };
        let write = number.parse().ok().filter(|write| *write > 0).ok_or(NotAWrite)?;
        Ok(AbortAt { write, when })
    }
}

impl fmt::Display for AbortAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let when = match self.when {
            When::Before => "before",
            When::During => "during",
            When::After => "after",
        };
        write!(f, "{when} write {}", self.write)
    }
}

/// Counts the writes of this process and ends it at the one that was named. Cheap to clone; all clones count as one.
#[derive(Debug, Clone, Default)]
pub struct Switch(Option<Arc<Armed>>);

#[derive(Debug)]
struct Armed {
    at: AbortAt,
    writes: AtomicU64,
}

impl Switch {
    /// One that ends the process there.
    pub fn at(at: AbortAt) -> Switch {
        Switch(Some(Arc::new(Armed {
            at,
            writes: AtomicU64::new(0),
        })))
    }

    /// Whether it will ever do anything.
    pub fn is_armed(&self) -> bool {
        self.0.is_some()
    }

    /// Makes this call, which is a durable write; ends the process if it is the one. Pinned where it is: a future that is given
    /// to another one is held there twice.
    pub async fn write<T>(&self, call: Pin<&mut impl Future<Output = T>>) -> T {
        let Some(armed) = self.0.as_deref().filter(|armed| armed.is_next_the_one()) else {
            return call.await;
        };
        match armed.at.when {
            When::Before => {}
            When::During => drop(tokio::time::timeout(DURING, call).await),
            When::After => drop(call.await),
        }
        tracing::error!(at = %armed.at, "aborting, as AUTOMATIOND_ABORT_AT_WRITE says");
        std::process::abort()
    }
}

impl Armed {
    fn is_next_the_one(&self) -> bool {
        self.writes.fetch_add(1, Ordering::SeqCst) + 1 == self.at.write
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    #[test]
    fn a_write_is_named_by_its_number_and_the_moment() {
        let at = |write, when| Ok(AbortAt { write, when });
        assert_eq!("3".parse(), at(3, When::Before));
        assert_eq!("12:during".parse(), at(12, When::During));
        assert_eq!("1:after".parse(), at(1, When::After));
        for wrong in ["", "0", "0:after", "x", "3:", "3:later", "-1", "3:before:after"] {
            assert_eq!(wrong.parse::<AbortAt>(), Err(NotAWrite), "{wrong}");
        }
    }

    #[tokio::test]
    async fn all_clones_count_as_one_and_only_the_named_write_is_the_one() {
        let switch = Switch::at(AbortAt {
            write: 4,
            when: When::Before,
        });
        for _ in 0..2 {
            assert_eq!(switch.clone().write(pin!(async { 7 })).await, 7);
        }
        let armed = switch.0.as_deref().unwrap();
        assert_eq!(armed.writes.load(Ordering::SeqCst), 2);
        assert_eq!(
            (0..3).map(|_| armed.is_next_the_one()).collect::<Vec<_>>(),
            [false, true, false]
        );
        assert!(!Switch::default().is_armed());
    }
}
