//! `automations.readiness`: what has to be right before anything is claimed.

use tokio_postgres::Row;

use super::{Queue, QueueError};

/// What the database says of itself.
#[derive(Debug, Clone)]
pub struct Readiness {
    /// Version of the tables; `None` before `install()`.
    pub schema_version: Option<String>,
    /// Version of the extension.
    pub library_version: Option<String>,
    /// An operator paused the work.
    pub paused: bool,
    /// A restored or cloned database, which must not act until it is adopted.
    pub is_copy: bool,
    /// A standby.
    pub in_recovery: bool,
    /// The login or the role is a superuser.
    pub is_superuser: bool,
    /// The login or the role bypasses row level security.
    pub has_bypassrls: bool,
    /// As whom database nodes act.
    pub tenant_role: Option<String>,
    /// `150020` for 15.20.
    pub server_version: i32,
}

/// Why nothing is claimed although the database answers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotReady {
    /// The tables are not there yet.
    #[error("the tables are not installed: SELECT automations.install()")]
    NotInstalled,
    /// `ALTER EXTENSION` came, `install()` did not yet.
    #[error("the tables are of version {tables}, the extension of {extension}: SELECT automations.install()")]
    Migrating {
        /// Version of the tables.
        tables: String,
        /// Version of the extension.
        extension: String,
    },
    /// A standby.
    #[error("the server is in recovery (a standby): give the address of the primary")]
    InRecovery,
    /// A copy.
    #[error("the database is a copy: SELECT automations.adopt() makes it the real one")]
    Copy,
    /// Paused.
    #[error("paused: UPDATE automations.settings SET value = 'false' WHERE name = 'paused' goes on")]
    Paused,
}

impl Readiness {
    /// Why row level security does not hold for this connection, in words; none where it does.
    pub fn sees_everything(&self) -> Option<&'static str> {
        if self.is_superuser {
            Some("a superuser")
        } else if self.has_bypassrls {
            Some("a role with BYPASSRLS")
        } else {
            None
        }
    }

    /// What stands in the way of claiming.
    pub fn verdict(&self) -> Result<(), NotReady> {
        if self.in_recovery {
            return Err(NotReady::InRecovery);
        }
        match (&self.schema_version, &self.library_version) {
            (None, _) => return Err(NotReady::NotInstalled),
            (Some(tables), Some(extension)) if tables != extension => {
                return Err(NotReady::Migrating {
                    tables: tables.clone(),
                    extension: extension.clone(),
                });
            }
            _ => {}
        }
        if self.is_copy {
            return Err(NotReady::Copy);
        }
        if self.paused {
            Err(NotReady::Paused)
        } else {
            Ok(())
        }
    }
}

impl Readiness {
    /// The first columns of a row, in the order of the function's own.
    pub(super) fn of(row: &Row) -> Result<Readiness, QueueError> {
        Ok(Readiness {
            schema_version: row.try_get(0)?,
            library_version: row.try_get(1)?,
            paused: row.try_get::<_, Option<bool>>(2)?.unwrap_or(false),
            is_copy: row.try_get::<_, Option<bool>>(3)?.unwrap_or(false),
            in_recovery: row.try_get::<_, Option<bool>>(4)?.unwrap_or(false),
            is_superuser: row.try_get::<_, Option<bool>>(5)?.unwrap_or(false),
            tenant_role: row.try_get(6)?,
            server_version: row.try_get(7)?,
            has_bypassrls: row.try_get::<_, Option<bool>>(8)?.unwrap_or(false),
        })
    }
}

impl Queue {
    /// Asks. The column that came later is read so that an older extension answers too, and is told apart by version.
    pub async fn readiness(&self) -> Result<Readiness, QueueError> {
        let row = self
            .calls
            .read_one(
                "SELECT schema_version, library_version, paused, is_copy, in_recovery, is_superuser, tenant_role, \
                 server_version_num, (to_jsonb(r) ->> 'has_bypassrls')::boolean FROM automations.readiness() r",
                &[],
            )
            .await?;
        Readiness::of(&row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fine() -> Readiness {
        Readiness {
            schema_version: Some("0.1.0".to_owned()),
            library_version: Some("0.1.0".to_owned()),
            paused: false,
            is_copy: false,
            in_recovery: false,
            is_superuser: false,
            has_bypassrls: false,
            tenant_role: Some("authenticated".to_owned()),
            server_version: 150_020,
        }
    }

    #[test]
    fn what_stands_in_the_way_is_said_in_the_order_in_which_it_must_be_mended() {
        assert_eq!(fine().verdict(), Ok(()));
        let paused = Readiness {
            paused: true,
            ..fine()
        };
        assert_eq!(paused.verdict(), Err(NotReady::Paused));
        let copy = Readiness {
            is_copy: true,
            ..paused
        };
        assert_eq!(copy.verdict(), Err(NotReady::Copy));
        let old = Readiness {
            schema_version: Some("0.0.9".to_owned()),
            ..copy
        };
        assert!(matches!(old.verdict(), Err(NotReady::Migrating { .. })));
        let bare = Readiness {
            schema_version: None,
            ..old
        };
        assert_eq!(bare.verdict(), Err(NotReady::NotInstalled));
        let standby = Readiness {
            in_recovery: true,
            ..bare
        };
        assert_eq!(standby.verdict(), Err(NotReady::InRecovery));
    }

    #[test]
    fn a_superuser_and_a_role_past_row_security_are_told_apart() {
        assert_eq!(fine().sees_everything(), None);
        let bypass = Readiness {
            has_bypassrls: true,
            ..fine()
        };
        assert_eq!(bypass.sees_everything(), Some("a role with BYPASSRLS"));
        let superuser = Readiness {
            is_superuser: true,
            ..bypass
        };
        assert_eq!(superuser.sees_everything(), Some("a superuser"));
    }
}
