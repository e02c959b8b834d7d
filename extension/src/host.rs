//! What the machinery asks about leads and conversations: whose they are, and whether they are still there.
//!
//! Asked as the owner of the tables, from here: so they see every row also where row level security is forced upon that
//! owner, which `SECURITY DEFINER` alone does not (claims lost their lead). Rows are held by statements of ours with the
//! names of the application's tables, because to call a function takes longer than to run them; the rest are functions
//! that `install()` made.

use std::cell::RefCell;
use std::collections::HashMap;

use pgrx::prelude::*;
use pgrx::spi::{OwnedPreparedStatement, SpiClient};
use pgrx::{PgOid, Uuid, pg_sys};

use crate::acting::as_table_owner;
use crate::ids::{from_postgres, to_postgres};
use crate::newest;
use crate::plans::{Plan, writing_plan};
use crate::refusal::Refusal;
use crate::stamp::Stamp;

/// Which kind, the row of the application, whether it is held now, and whose it is.
type Row = (Option<String>, Option<Uuid>, Option<bool>, Option<Uuid>);

/// The look-ups of one kind.
#[derive(Clone, Copy)]
struct Kind {
    /// Takes those that nobody else has locked.
    hold: &'static OwnedPreparedStatement,
    /// Finds the others.
    find: &'static OwnedPreparedStatement,
    /// The application's table.
    table: pg_sys::Oid,
}

/// Of leads and of conversations, and of which names they were made: as `account_of_lead()` stood in the catalogue.
type Kinds = (Stamp, Kind, Kind);

thread_local! {
    static KINDS: RefCell<Option<Kinds>> = const { RefCell::new(None) };
    /// Of [`all_held`].
    static HOLD_AUTOMATIONS: Plan = const { Plan::new() };
}

/// `automations.hold_host(lead_ids, conversation_ids)`.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)]
fn hold_host(
    lead_ids: Vec<Uuid>,
    conversation_ids: Vec<Uuid>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(kind, Option<String>),
            name!(id, Option<Uuid>),
            name!(held, Option<bool>),
            name!(account_id, Option<Uuid>),
        ),
    >,
    pg_sys::panic::ErrorReport,
> {
    if lead_ids.is_empty() && conversation_ids.is_empty() {
        return Ok(TableIterator::empty());
    }
    let rows = as_table_owner(|| {
        Spi::connect_mut(|client| {
            let (_, leads, conversations) = kinds(client)?;
            let mut rows: Vec<Row> = Vec::new();
            for (name, kind, ids) in [
                ("lead", leads, lead_ids),
                ("conversation", conversations, conversation_ids),
            ] {
                rows.append(&mut hold(client, name, kind, ids)?);
            }
            Ok(rows)
        })
    })?;
    Ok(TableIterator::new(rows))
}

/// `automations.all_held(automation_ids, lead_ids, conversation_ids)`.
#[pg_extern(sql = false)]
fn all_held(
    automation_ids: Vec<Uuid>,
    lead_ids: Vec<Uuid>,
    conversation_ids: Vec<Uuid>,
) -> Result<bool, pg_sys::panic::ErrorReport> {
    let wanted = automation_ids.len();
    let held = Spi::connect_mut(|client| {
        let text =
            "SELECT FROM public.automations a WHERE a.id = ANY ($1) ORDER BY a.id FOR KEY SHARE SKIP LOCKED";
        let uuids = PgOid::from(pg_sys::UUIDARRAYOID);
        let statement = writing_plan(&HOLD_AUTOMATIONS, client, text, &[uuids])?;
        Ok::<usize, Refusal>(client.update(statement, None, &[automation_ids.into()])?.len())
    })?;
    if held < wanted {
        return Ok(false);
    }
    if lead_ids.is_empty() && conversation_ids.is_empty() {
        return Ok(true);
    }
    Ok(as_table_owner(|| {
        Spi::connect_mut(|client| {
            let (_, leads, conversations) = kinds(client)?;
            for (kind, ids) in [(leads, lead_ids), (conversations, conversation_ids)] {
                let wanted = ids.len();
                if wanted > 0 && client.update(kind.hold, None, &[ids.into()])?.len() < wanted {
                    return Ok(false);
                }
            }
            Ok(true)
        })
    })?)
}

/// `automations.is_held(account_id, lead_id, conversation_id)`.
#[pg_extern(sql = false)]
fn is_held(
    account_id: Uuid,
    lead_id: Option<Uuid>,
    conversation_id: Option<Uuid>,
) -> Result<bool, pg_sys::panic::ErrorReport> {
    Ok(as_table_owner(|| {
        Spi::connect_mut(|client| {
            let (_, leads, conversations) = kinds(client)?;
            for (kind, id) in [(leads, lead_id), (conversations, conversation_id)] {
                let Some(id) = id else { continue };
                let mut held = client.update(kind.hold, None, &[vec![id].into()])?;
                let of: Option<Uuid> = match held.next() {
                    Some(row) => row.get(2)?,
                    None => None,
                };
                if of != Some(account_id) {
                    return Ok(false);
                }
            }
            Ok(true)
        })
    })?)
}

/// Whose leads and conversations are that were held; those that were not are not there.
#[derive(Default)]
pub struct Owners {
    /// Of leads, by their ids.
    pub leads: HashMap<uuid::Uuid, Option<uuid::Uuid>>,
    /// Of conversations.
    pub conversations: HashMap<uuid::Uuid, Option<uuid::Uuid>>,
    /// Where leads were held, if any were to be.
    pub leads_table: Option<pg_sys::Oid>,
    /// Where conversations were held.
    pub conversations_table: Option<pg_sys::Oid>,
}

/// Takes hold of those of these that nobody else has locked, until the transaction ends. Called as the owner of the tables.
///
/// # Errors
/// What the application's tables refuse.
pub fn owners(
    client: &mut SpiClient<'_>,
    lead_ids: &[uuid::Uuid],
    conversation_ids: &[uuid::Uuid],
) -> Result<Owners, Refusal> {
    let mut owners = [HashMap::new(), HashMap::new()];
    let (_, leads, conversations) = kinds(client)?;
    let wanted = [(leads, lead_ids), (conversations, conversation_ids)];
    for (owners, (kind, ids)) in owners
        .iter_mut()
        .zip(wanted)
        .filter(|(_, (_, ids))| !ids.is_empty())
    {
        let ids: Vec<Uuid> = ids.iter().copied().map(to_postgres).collect();
        for row in client.update(kind.hold, None, &[ids.into()])? {
            if let Some(held) = row.get(1)?.map(from_postgres) {
                owners.insert(held, row.get(2)?.map(from_postgres));
            }
        }
    }
    let (leads_table, conversations_table) = (Some(leads.table), Some(conversations.table));
    let [leads, conversations] = owners;
    Ok(Owners {
        leads,
        conversations,
        leads_table,
        conversations_table,
    })
}

/// Takes those of these rows that nobody else has locked; what is gone is not among what it returns.
fn hold(client: &mut SpiClient<'_>, name: &str, kind: Kind, ids: Vec<Uuid>) -> Result<Vec<Row>, Refusal> {
    let mut rows = Vec::with_capacity(ids.len());
    if ids.is_empty() {
        return Ok(rows);
    }
    for row in client.update(kind.hold, None, &[ids.clone().into()])? {
        rows.push((Some(name.to_owned()), row.get(1)?, Some(true), row.get(2)?));
    }
    if rows.len() == ids.len() {
        return Ok(rows);
    }
    // a statement of its own, with a snapshot of its own: what was deleted meanwhile is gone, the rest is locked
    let got: Vec<Option<Uuid>> = rows.iter().map(|(_, id, ..)| *id).collect();
    for row in client.update(kind.find, None, &[ids.into(), got.into()])? {
        rows.push((Some(name.to_owned()), row.get(1)?, Some(false), row.get(2)?));
    }
    Ok(rows)
}

/// The two statements of a kind, by the names that `install()` was given: to hold rows, and to find those that others have.
const LEADS: &str = "SELECT pg_catalog.format(t.text, l.tab), pg_catalog.format(t.text_of_others, l.tab), l.tab::pg_catalog.oid
      FROM (SELECT (s.value #>> '{}')::pg_catalog.regclass AS tab FROM automations.settings s WHERE s.name = 'leads') l,
           (VALUES ('SELECT x.id, x.user_id FROM %s x WHERE x.id = ANY ($1) FOR KEY SHARE OF x SKIP LOCKED',
                    'SELECT x.id, x.user_id FROM %s x WHERE x.id = ANY ($1) AND x.id <> ALL ($2)'))
               AS t (text, text_of_others)";
const CONVERSATIONS: &str = "SELECT pg_catalog.format(t.text, c.tab, g.tab), pg_catalog.format(t.text_of_others, c.tab, g.tab), c.tab::pg_catalog.oid
      FROM (SELECT (s.value #>> '{}')::pg_catalog.regclass AS tab FROM automations.settings s
             WHERE s.name = 'conversations') c,
           (SELECT (s.value #>> '{}')::pg_catalog.regclass AS tab FROM automations.settings s WHERE s.name = 'agents') g,
           (VALUES ('SELECT x.id, (SELECT g.user_id FROM %2$s g WHERE g.id = x.agent_id) FROM %1$s x
                      WHERE x.id = ANY ($1) FOR KEY SHARE OF x SKIP LOCKED',
                    'SELECT x.id, (SELECT g.user_id FROM %2$s g WHERE g.id = x.agent_id) FROM %1$s x
                      WHERE x.id = ANY ($1) AND x.id <> ALL ($2)')) AS t (text, text_of_others)";

/// The statements for the tables that `install()` was given: made once for a backend, and again where `install()` has
/// made `account_of_lead()` anew. Called as the owner of the tables.
fn kinds(client: &mut SpiClient<'_>) -> Result<Kinds, Refusal> {
    let stamp = Stamp::of_function(c"account_of_lead", &[pg_sys::UUIDOID]).ok_or(Refusal::NotInstalled)?;
    if let Some(kinds) = KINDS.with_borrow(|kinds| kinds.filter(|(made, ..)| *made == stamp)) {
        return Ok(kinds);
    }
    let kinds = (stamp, made(client, LEADS)?, made(client, CONVERSATIONS)?);
    KINDS.set(Some(kinds));
    Ok(kinds)
}

/// The statements of a kind, planned once and never freed, as all that is kept.
fn made(client: &SpiClient<'_>, texts: &str) -> Result<Kind, Refusal> {
    // as the catalogue says it now, of which the stamp is: the snapshot around this may be older
    let (hold, find, table): (Option<String>, Option<String>, Option<pg_sys::Oid>) = newest::seeing(|| {
        let row = client.select(texts, Some(1), &[])?.first();
        Ok::<_, Refusal>((row.get(1)?, row.get(2)?, row.get(3)?))
    })?;
    let uuids = || PgOid::from(pg_sys::UUIDARRAYOID);
    let hold = client.prepare_mut(&*hold.ok_or(Refusal::NotInstalled)?, &[uuids()])?;
    let find = client.prepare_mut(&*find.ok_or(Refusal::NotInstalled)?, &[uuids(), uuids()])?;
    Ok(Kind {
        hold: Box::leak(Box::new(hold.keep())),
        find: Box::leak(Box::new(find.keep())),
        table: table.ok_or(Refusal::NotInstalled)?,
    })
}

/// `automations.account_of(kind, id)`: null where there is no such row.
#[pg_extern(sql = false)]
fn account_of(kind: &str, id: Uuid) -> Result<Option<Uuid>, pg_sys::panic::ErrorReport> {
    let statement = match kind {
        "lead" => "SELECT automations.account_of_lead($1)",
        "conversation" => "SELECT automations.account_of_conversation($1)",
        "agent" => "SELECT automations.account_of_agent($1)",
        _ => {
            return Err(
                Refusal::Invalid(format!("{kind} is neither lead nor conversation nor agent")).into(),
            );
        }
    };
    Ok(as_table_owner(|| {
        Ok(Spi::get_one_with_args(statement, &[id.into()])?)
    })?)
}
