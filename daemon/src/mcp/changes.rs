//! Telling clients that their list of tools has changed: looking now and then is the guarantee, a notification on
//! `automation_tools` makes it quick. Who watches is also how a stream that stays open notices that its key is over.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::keys::{Caller, Keys};
use crate::queue::Queue;

/// Between two looks when nothing is heard.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// "The tools of somebody have changed." Cheap to clone.
#[derive(Clone, Default)]
pub struct ToolsChanged {
    told: Arc<Notify>,
}

/// Why watching ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Ended {
    /// The key is not good any more.
    Key,
    /// Nobody is there to be told.
    Gone,
}

impl ToolsChanged {
    /// Perhaps; everybody looks.
    pub fn tell(&self) {
        self.told.notify_waiters();
    }

    /// Tells of each change of the caller's tools until `tell` says that nobody hears it.
    pub async fn watch<F: Future<Output = bool>>(
        &self,
        queue: &Queue,
        keys: &Keys,
        caller: &Caller,
        tell: impl Fn() -> F,
        gone: impl Fn() -> bool,
    ) -> Ended {
        let mut known: Option<String> = None;
        loop {
            let mut told = std::pin::pin!(self.told.notified());
            told.as_mut().enable(); // what is told while we look counts
            if gone() {
                return Ended::Gone;
            }
            if !keys.is_still_good(caller).await {
                return Ended::Key;
            }
            // what cannot be asked now is asked again
            if let Ok(stamp) = queue.tools_stamp(caller.whose()).await
                && known.replace(stamp.clone()).is_some_and(|before| before != stamp)
                && !tell().await
            {
                return Ended::Gone;
            }
            tokio::select! {
                () = told => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }
}
