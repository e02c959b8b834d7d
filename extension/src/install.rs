//! `install()`: finds the application's tables, says what is missing, and applies `sql/tables` as the owner of leads.

pub mod packed;

use pgrx::datum::DatumWithOid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::acting;
use crate::refusal::Refusal;
use packed::Packed;

/// The version of the tables: that of the library.
pub const SCHEMA_VERSION: &str = env!("CARGO_PKG_VERSION");

/// The host's tables, each as the caller named it, as it was at the last call, or by its usual name.
struct Host {
    agents: Option<pg_sys::Oid>,
    leads: Option<pg_sys::Oid>,
    conversations: Option<pg_sys::Oid>,
}

/// `automations.install(agents, leads, conversations, sample_app)`.
#[pg_extern(sql = false)]
fn install(
    agents: Option<pg_sys::Oid>,
    leads: Option<pg_sys::Oid>,
    conversations: Option<pg_sys::Oid>,
    sample_app: Option<bool>,
) -> Result<String, ErrorReport> {
    // Acting as somebody else refuses what is deferred; a deferrable key of the application's is no reason to fail.
    Spi::run("SET CONSTRAINTS ALL IMMEDIATE").map_err(Refusal::from)?;
    let quiet = [(c"client_min_messages", c"warning")];
    // What the sample application has from 90 on are automations: they come after the tables.
    let (sample, seeds) =
        packed::SAMPLE_APP.split_at(packed::SAMPLE_APP.partition_point(|(name, _)| *name < "90"));
    // SAFETY: reads a variable of the server.
    let caller = unsafe { pg_sys::GetUserId() };
    let sample_app = sample_app.unwrap_or(false);
    if sample_app {
        acting::as_role(caller, &quiet, || apply(sample))?;
    }
    let host = Host {
        agents: agents.map_or_else(|| usual("agents"), |tab| Ok(Some(tab)))?,
        leads: leads.map_or_else(|| usual("leads"), |tab| Ok(Some(tab)))?,
        conversations: conversations.map_or_else(|| usual("conversations"), |tab| Ok(Some(tab)))?,
    };
    let owner = require(&host)?;
    // He makes the tables, in a schema that need not be his.
    grant(owner, None)?;

    acting::as_role(owner, &quiet, || {
        // The grants below need the settings, and the other files read the host's tables from them.
        let (settings, rest) = packed::TABLES.split_at(1);
        apply(settings)?;
        remember(&host)?;
        let (defaults, _) = rest.split_at(1);
        apply(defaults)
    })?;
    grant(owner, tenant_role(owner)?)?;
    acting::as_role(owner, &quiet, || {
        apply(packed::TABLES)?;
        Spi::run_with_args(
            "INSERT INTO automations.schema_version AS v (version) VALUES ($1)
             ON CONFLICT (one) DO UPDATE SET version = excluded.version, installed_at = now()
             WHERE v.version <> excluded.version",
            &[SCHEMA_VERSION.into()],
        )?;
        Ok(())
    })?;
    if sample_app {
        acting::as_role(caller, &quiet, || apply(seeds))?;
    }
    Ok(SCHEMA_VERSION.to_owned())
}

/// The table of the last call, else the one of that name in public.
fn usual(name: &str) -> Result<Option<pg_sys::Oid>, Refusal> {
    let installed: Option<bool> =
        Spi::get_one("SELECT pg_catalog.to_regclass('automations.settings') IS NOT NULL")?;
    if let (Some(true), Ok(owner)) = (installed, acting::table_owner()) {
        // Read as their owner: what he may have put in the place of the table must not run as a superuser.
        let last: Option<pg_sys::Oid> = acting::as_role(owner, &[], || {
            Ok(Spi::get_one_with_args(
                "SELECT (SELECT to_regclass(s.value #>> '{}') FROM automations.settings s WHERE s.name = $1)::oid",
                &[name.into()],
            )?)
        })?;
        if last.is_some() {
            return Ok(last);
        }
    }
    Ok(Spi::get_one_with_args(
        "SELECT pg_catalog.to_regclass('public.' || $1)::oid",
        &[name.into()],
    )?)
}

/// Refuses with the whole list of what is missing, else says who will own the tables.
fn require(host: &Host) -> Result<pg_sys::Oid, Refusal> {
    let missing: Option<String> = Spi::get_one_with_args(
        "SELECT pg_catalog.string_agg('- ' || m, E'\\n') FROM automations.missing($1, $2, $3) m",
        &host.arguments(),
    )?;
    match (missing, host.leads.and_then(acting::owner_of)) {
        (None, Some(owner)) => Ok(owner),
        (missing, _) => Err(Refusal::Missing(missing.unwrap_or_default())),
    }
}

impl Host {
    fn arguments(&self) -> [DatumWithOid<'static>; 3] {
        [self.agents, self.leads, self.conversations].map(|tab| match tab {
            // SAFETY: the oid of a table, as a regclass.
            Some(tab) => unsafe { DatumWithOid::new(tab, pg_sys::REGCLASSOID) },
            None => DatumWithOid::null_oid(pg_sys::REGCLASSOID),
        })
    }
}

/// Puts the names of the host's tables into the settings, from where the files read them.
fn remember(host: &Host) -> Result<(), Refusal> {
    Spi::run_with_args(
        "INSERT INTO automations.settings AS s (name, value)
         SELECT t.name, to_jsonb(t.tab::text)
           FROM (VALUES ('agents', $1), ('leads', $2), ('conversations', $3)) AS t (name, tab)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE s.value <> excluded.value",
        &host.arguments(),
    )?;
    Ok(())
}

/// The tenant role, read as the owner of the settings.
fn tenant_role(owner: pg_sys::Oid) -> Result<Option<String>, Refusal> {
    acting::as_role(owner, &[], || {
        Ok(Spi::get_one(
            "SELECT (SELECT s.value #>> '{}' FROM automations.settings s WHERE s.name = 'tenant_role')",
        )?)
    })
}

/// Grants as the caller, who has the grant option as owner of the database or as a superuser.
fn grant(owner: pg_sys::Oid, tenant: Option<String>) -> Result<(), Refusal> {
    // SAFETY: the oid of a role, as a regrole.
    let owner = unsafe { DatumWithOid::new(owner, pg_sys::REGROLEOID) };
    Spi::run_with_args(
        "SELECT automations.grant_rights($1, $2)",
        &[owner, tenant.clone().into()],
    )?;
    if tenant.is_some() {
        Spi::run_with_args("SELECT automations.join_tenant($1)", &[tenant.into()])?;
    }
    Ok(())
}

/// Applies files in their order.
fn apply(files: &[Packed]) -> Result<(), Refusal> {
    for (name, text) in files {
        pgrx::debug1!("automations.install: {name}");
        Spi::run(text)?;
    }
    Ok(())
}
