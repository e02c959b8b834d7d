//! `create_api_key()`: the agent is looked at as the caller, the key is made here and only its hash is stored, as the
//! owner of the tables. The key is the answer and nowhere else: no statement that could be logged holds it.

use flow::ApiKey;
use flow::api_key::{ID_BYTES, SECRET_BYTES};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use pgrx::{Uuid, pg_sys};

use crate::acting::as_table_owner;
use crate::events::own_account;
use crate::refusal::Refusal;

/// What a key may, where nothing is said.
const ALL: [&str; 2] = ["tools:read", "tools:call"];

/// `automations.create_api_key(agent_id, name, scopes, expires_at)`.
#[pg_extern(sql = false)]
fn create_api_key(
    agent_id: Option<Uuid>,
    name: Option<&str>,
    scopes: Option<Vec<Option<String>>>,
    expires_at: Option<TimestampWithTimeZone>,
) -> Result<String, ErrorReport> {
    let account = match agent_id {
        Some(agent) => account_of(agent)?,
        None => own_account()?.ok_or_else(|| {
            Refusal::Argument("nobody is signed in: say which agent the key is for".to_owned())
        })?,
    };
    let scopes = scopes.unwrap_or_else(|| ALL.iter().map(|scope| Some((*scope).to_owned())).collect());
    let known = |scope: &Option<String>| scope.as_deref().is_some_and(|scope| ALL.contains(&scope));
    if scopes.is_empty() || !scopes.iter().all(known) {
        let message = "`scopes` are tools:read and tools:call, one of them or both".to_owned();
        return Err(Refusal::Argument(message).into());
    }
    let key = as_table_owner(|| {
        let environment: Option<String> = Spi::get_one(
            "SELECT (SELECT s.value #>> '{}' FROM automations.settings s WHERE s.name = 'key_environment')",
        )?;
        let key = make(environment.as_deref().unwrap_or("live"))?;
        Spi::run_with_args(
            "INSERT INTO public.automation_api_keys
                 (account_id, agent_id, name, key_id, prefix, hash, scopes, created_by, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, automations.claimed_user(), $8)",
            &[
                account.into(),
                agent_id.into(),
                name.into(),
                key.id().into(),
                key.prefix().into(),
                key.hash().to_vec().into(),
                scopes.into(),
                expires_at.into(),
            ],
        )?;
        Ok(key)
    })?;
    Ok(key.reveal().to_owned())
}

/// Whose the agent is, if the caller may act for it: as row level security would decide about a row of the keys, which
/// does not bind superusers, the owner of the tables and the application's own back end.
fn account_of(agent: Uuid) -> Result<Uuid, Refusal> {
    let unknown = || Refusal::Unknown {
        kind: "agent",
        id: agent.to_string(),
    };
    let may: Option<bool> = Spi::get_one_with_args(
        "SELECT CASE WHEN pg_catalog.row_security_active('public.automation_api_keys')
                     THEN automations.has_agent_access($1) ELSE true END",
        &[agent.into()],
    )?;
    if may != Some(true) {
        return Err(unknown());
    }
    as_table_owner(|| {
        Ok(Spi::get_one_with_args::<Uuid>(
            "SELECT automations.account_of_agent($1)",
            &[agent.into()],
        )?)
    })?
    .ok_or_else(unknown)
}

fn make(environment: &str) -> Result<ApiKey, Refusal> {
    let (mut id, mut secret) = ([0_u8; ID_BYTES], [0_u8; SECRET_BYTES]);
    // SAFETY: writes so many bytes to where they belong.
    let strong = unsafe {
        pg_sys::pg_strong_random(id.as_mut_ptr().cast(), ID_BYTES)
            && pg_sys::pg_strong_random(secret.as_mut_ptr().cast(), SECRET_BYTES)
    };
    if !strong {
        return Err(Refusal::Argument(
            "the server has no random numbers to give".to_owned(),
        ));
    }
    ApiKey::make(environment, &id, &secret).ok_or_else(|| {
        Refusal::Argument(
            "the setting `key_environment` must be a word of lower-case letters and digits".to_owned(),
        )
    })
}
