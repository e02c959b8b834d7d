//! What the relation cache says of a table: its indexes, constraints, references and triggers, and whether its rows need
//! more than those. Without a query: each session of a daemon asks it, and asks again whenever the table was altered, vacuumed
//! or analyzed.

use std::ffi::CStr;

use pgrx::{FromDatum, PgList, PgTupleDesc, pg_sys};

use crate::catalogue::class;

/// A table without rules and computed columns, whose rows are stored as rows usually are, and whose keys are checked at once.
#[derive(Debug)]
pub struct Plain {
    /// Its oid.
    pub table: pg_sys::Oid,
    /// How many columns it has, with those that were dropped.
    pub columns: usize,
    /// All of them.
    pub indexes: Vec<Index>,
    /// What each CHECK says.
    pub checks: Vec<String>,
    /// Its foreign keys of one column.
    pub references: Vec<Reference>,
    /// Whether it has others.
    pub has_long_references: bool,
    /// Triggers that are not switched off.
    pub triggers: Vec<Trigger>,
    /// What its restrictive policies are about, each as `pg_policy` says it: `*`, `r`, `a`, `w` or `d`.
    pub restricted: Vec<u8>,
}

/// An index.
#[derive(Debug)]
pub struct Index {
    /// Its oid.
    pub index: pg_sys::Oid,
    /// It is that of the primary key.
    pub is_primary: bool,
    /// It is a btree in which every row can be found.
    pub is_whole_btree: bool,
    /// The numbers of its columns, from 1; 0 for an expression.
    pub columns: Vec<i16>,
    /// Which rows it holds: all of them where there is nothing.
    pub predicate: String,
}

/// A foreign key.
#[derive(Debug)]
pub struct Reference {
    /// The constraint.
    pub constraint: pg_sys::Oid,
    /// The number of the column, from 1.
    pub column: i16,
    /// The table that it refers to.
    pub table: pg_sys::Oid,
    /// The name of the column there.
    pub refers_to: String,
}

/// A trigger.
#[derive(Debug)]
pub struct Trigger {
    /// What it calls.
    pub function: pg_sys::Oid,
    /// The constraint that it keeps, if it was made for one.
    pub constraint: Option<pg_sys::Oid>,
    /// It hears of rows that are inserted.
    pub hears_inserts: bool,
}

impl Plain {
    /// What a table is like; none where its rows need more than can be said here.
    ///
    /// # Safety
    /// An open table, which is locked.
    #[must_use]
    pub unsafe fn of(relation: pg_sys::Relation) -> Option<Plain> {
        // SAFETY: an open table; what the relation cache says of it is copied.
        unsafe {
            let description = PgTupleDesc::from_pg_unchecked((*relation).rd_att);
            let is_computed = description
                .iter()
                .any(|column| !column.attisdropped && (column.attgenerated != 0 || column.attidentity != 0));
            if is_computed || !(*relation).rd_rules.is_null() {
                return None;
            }
            let (references, has_long_references) = references(relation);
            Some(Plain {
                table: (*relation).rd_id,
                columns: description.len(),
                indexes: indexes(relation)?,
                checks: checks(relation)?,
                references,
                has_long_references,
                triggers: triggers(relation),
                restricted: restricted(relation),
            })
        }
    }
}

/// An open table as it is stored by itself: no partitioned one, no view, and of the usual kind.
///
/// # Safety
/// An open table.
#[must_use]
pub unsafe fn is_heap(relation: pg_sys::Relation) -> bool {
    // SAFETY: as the caller says.
    unsafe {
        (*(*relation).rd_rel).relkind as u8 == pg_sys::RELKIND_RELATION
            && (*(*relation).rd_rel).relam == pg_sys::HEAP_TABLE_AM_OID
    }
}

unsafe fn indexes(relation: pg_sys::Relation) -> Option<Vec<Index>> {
    // SAFETY: the list is a copy, in the memory of this call; each entry of the cache is read while it is pinned.
    unsafe {
        let list = PgList::<pg_sys::Oid>::from_pg(pg_sys::RelationGetIndexList(relation));
        let indexes = list.iter_oid().map(|index| {
            let cache = pg_sys::SysCacheIdentifier::INDEXRELID as i32;
            let entry = pg_sys::SearchSysCache1(cache, pg_sys::Datum::from(index));
            if entry.is_null() {
                return None;
            }
            let form = pg_sys::heap_tuple_get_struct::<pg_sys::FormData_pg_index>(entry);
            let count = usize::try_from((*form).indnatts).unwrap_or(0);
            let columns = std::slice::from_raw_parts((*form).indkey.values.as_ptr(), count).to_vec();
            let mut is_null = true;
            let number = i16::try_from(pg_sys::Anum_pg_index_indpred).unwrap_or(0);
            let predicate = pg_sys::SysCacheGetAttr(cache, entry, number, &mut is_null);
            let found = Index {
                index,
                is_primary: (*form).indisprimary,
                is_whole_btree: (*form).indisvalid
                    && class(index, |class| class.relam) == Some(pg_sys::BTREE_AM_OID),
                columns,
                predicate: if is_null {
                    String::new()
                } else {
                    said(predicate, relation).unwrap_or_else(|| "?".to_owned())
                },
            };
            let is_simple = (*form).indimmediate && !(*form).indisexclusion;
            pg_sys::ReleaseSysCache(entry);
            is_simple.then_some(found)
        });
        indexes.collect()
    }
}

/// Whether row level security lets whoever asks see and write all rows: it does not concern them, or a policy of theirs says so,
/// as the daemon's does. What restrictive policies say is not looked at.
///
/// # Safety
/// An open table, which is locked.
#[must_use]
pub unsafe fn is_open(relation: pg_sys::Relation) -> bool {
    // SAFETY: an open table, and the policies that the relation cache has of it.
    unsafe {
        let concerns = pg_sys::check_enable_rls((*relation).rd_id, pg_sys::InvalidOid, true);
        if u32::try_from(concerns) != Ok(pg_sys::CheckEnableRlsResult::RLS_ENABLED) {
            return true;
        }
        policies(relation).into_iter().any(|policy| {
            let roles = Vec::<pg_sys::Oid>::from_datum(pg_sys::Datum::from(policy.roles), false);
            policy.permissive
                && policy.polcmd as u8 == b'*'
                && says_true(policy.qual)
                && (policy.with_check_qual.is_null() || says_true(policy.with_check_qual))
                && roles.unwrap_or_default().into_iter().any(|role| {
                    role == pg_sys::InvalidOid || pg_sys::has_privs_of_role(pg_sys::GetUserId(), role)
                })
        })
    }
}

unsafe fn says_true(condition: *mut pg_sys::Expr) -> bool {
    // SAFETY: a node of a policy.
    unsafe {
        if condition.is_null() || (*condition).type_ != pg_sys::NodeTag::T_Const {
            return false;
        }
        let constant = condition.cast::<pg_sys::Const>();
        !(*constant).constisnull && (*constant).constvalue.value() != 0
    }
}

unsafe fn restricted(relation: pg_sys::Relation) -> Vec<u8> {
    // SAFETY: an open table.
    let policies = unsafe { policies(relation) };
    let restrictive = policies.into_iter().filter(|policy| !policy.permissive);
    restrictive.map(|policy| policy.polcmd as u8).collect()
}

/// The policies that the relation cache has of a table, as long as it is open.
unsafe fn policies<'r>(relation: pg_sys::Relation) -> Vec<&'r pg_sys::RowSecurityPolicy> {
    // SAFETY: an open table; the list is copied.
    unsafe {
        let described = (*relation).rd_rsdesc;
        if described.is_null() {
            return Vec::new();
        }
        let list = pg_sys::list_copy((*described).policies);
        let policies = PgList::<pg_sys::RowSecurityPolicy>::from_pg(list);
        policies.iter_ptr().map(|policy| &*policy).collect()
    }
}

unsafe fn checks(relation: pg_sys::Relation) -> Option<Vec<String>> {
    // SAFETY: as many constraints as it says; each is a text of its own.
    unsafe {
        let constraints = (*(*relation).rd_att).constr;
        if constraints.is_null() {
            return Some(Vec::new());
        }
        (0..usize::from((*constraints).num_check))
            .map(|index| {
                let check = CStr::from_ptr((*(*constraints).check.add(index)).ccbin);
                said(
                    pg_sys::Datum::from(pg_sys::cstring_to_text(check.as_ptr())),
                    relation,
                )
            })
            .collect()
    }
}

/// What an expression says that the catalogue holds.
unsafe fn said(expression: pg_sys::Datum, relation: pg_sys::Relation) -> Option<String> {
    // SAFETY: a text of a node tree that is about this table.
    unsafe {
        let table = pg_sys::Datum::from((*relation).rd_id);
        let said =
            pgrx::direct_function_call_as_datum(pg_sys::pg_get_expr, &[Some(expression), Some(table)])?;
        Some(String::from_utf8_lossy(bytes_of(said)).into_owned())
    }
}

/// The bytes of a text, in the encoding of the database.
///
/// # Safety
/// A text, which lives as long as they are looked at.
#[must_use]
pub unsafe fn bytes_of<'t>(text: pg_sys::Datum) -> &'t [u8] {
    // SAFETY: as the caller says; where it is compressed it is made anew.
    unsafe { pgrx::varlena::varlena_to_byte_slice(pg_sys::pg_detoast_datum_packed(text.cast_mut_ptr())) }
}

unsafe fn references(relation: pg_sys::Relation) -> (Vec<Reference>, bool) {
    // SAFETY: a copy of the list; what it holds is read before anything else is asked of the relation cache.
    let (short, has_long) = unsafe {
        let list = PgList::<pg_sys::ForeignKeyCacheInfo>::from_pg(pg_sys::list_copy(
            pg_sys::RelationGetFKeyList(relation),
        ));
        let keys: Vec<_> = list
            .iter_ptr()
            .map(|key| {
                (
                    (*key).conoid,
                    (*key).nkeys,
                    (*key).conkey[0],
                    (*key).confrelid,
                    (*key).confkey[0],
                )
            })
            .collect();
        let has_long = keys.iter().any(|(_, count, ..)| *count != 1);
        (keys, has_long)
    };
    let references = short.into_iter().filter(|(_, count, ..)| *count == 1);
    let references = references.map(|(constraint, _, column, table, refers_to)| Reference {
        constraint,
        column,
        table,
        // SAFETY: a look-up in the catalogue; the name is a copy.
        refers_to: unsafe {
            let name = pg_sys::get_attname(table, refers_to, true);
            if name.is_null() {
                String::new()
            } else {
                CStr::from_ptr(name).to_string_lossy().into_owned()
            }
        },
    });
    (references.collect(), has_long)
}

unsafe fn triggers(relation: pg_sys::Relation) -> Vec<Trigger> {
    // SAFETY: as many triggers as it says.
    unsafe {
        let described = (*relation).trigdesc;
        if described.is_null() {
            return Vec::new();
        }
        let count = usize::try_from((*described).numtriggers).unwrap_or(0);
        std::slice::from_raw_parts((*described).triggers, count)
            .iter()
            .filter(|trigger| trigger.tgenabled as u8 != pg_sys::TRIGGER_DISABLED)
            .map(|trigger| Trigger {
                function: trigger.tgfoid,
                constraint: trigger.tgisinternal.then_some(trigger.tgconstraint),
                hears_inserts: u32::from(trigger.tgtype.cast_unsigned()) & pg_sys::TRIGGER_TYPE_INSERT != 0,
            })
            .collect()
    }
}
