//! JSON as bytes, as `automations.from_json` reads it: PostgreSQL takes twice as long to read it as a jsonb.

use std::error::Error;
use std::fmt::Debug;

use bytes::{BufMut, BytesMut};
use serde::Serialize;
use tokio_postgres::types::{IsNull, ToSql, Type, accepts, to_sql_checked};

/// A list.
#[derive(Debug)]
pub(super) struct Sent<T>(pub T);

impl<T: Serialize + Debug> ToSql for Sent<T> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        serde_json::to_writer(out.writer(), &self.0)?;
        Ok(IsNull::No)
    }

    accepts!(BYTEA);
    to_sql_checked!();
}
