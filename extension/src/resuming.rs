//! `resume()`: the token is checked here, by the secret that only the owner of the tables reads; what it names is then
//! resumed as that owner. Nothing is looked at as the caller: whoever has the token may use it.

use flow::{ResumeSecret, ResumeToken, TokenKind};
use pgrx::datum::DatumWithOid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use pgrx::{AnyElement, Uuid};

use crate::acting::as_table_owner;
use crate::refusal::Refusal;

/// `automations.resume(token, payload, outcome)`.
#[pg_extern(sql = false)]
fn resume(
    token: Option<&str>,
    payload: Option<AnyElement>,
    outcome: Option<&str>,
) -> Result<bool, ErrorReport> {
    let payload = match payload {
        // SAFETY: the argument is declared jsonb and is passed on as it is.
        Some(payload) => unsafe { DatumWithOid::new(payload, pg_sys::JSONBOID) },
        None => DatumWithOid::null_oid(pg_sys::JSONBOID),
    };
    let resumed = as_table_owner(|| {
        let token = named(token.unwrap_or_default())?;
        Ok(Spi::get_one_with_args::<bool>(
            "SELECT automations.resume_step($1, $2, $3, $4, $5)",
            &[
                Uuid::from_bytes(*token.execution.as_bytes()).into(),
                Uuid::from_bytes(*token.step.as_bytes()).into(),
                (token.kind == TokenKind::Approval).into(),
                payload,
                outcome.into(),
            ],
        )?)
    })?;
    Ok(resumed.unwrap_or(false))
}

/// What a token names. The same refusal for whatever is wrong with it.
fn named(token: &str) -> Result<ResumeToken, Refusal> {
    ResumeToken::verify(token, &secret()?).map_err(Refusal::Token)
}

/// The secret of this database, for the owner of the tables.
pub(crate) fn secret() -> Result<ResumeSecret, Refusal> {
    let secret: Option<String> = Spi::get_one("SELECT automations.token_secret()")?;
    ResumeSecret::from_hex(&secret.unwrap_or_default()).map_err(Refusal::Token)
}
