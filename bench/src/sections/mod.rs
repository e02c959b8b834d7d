//! The sections, one file each, all of one shape: a new one is a file and a line here.

mod agents;
mod drain_flow;
mod drain_noop;
mod fairness;
mod floor;
mod held_xmin;
mod history;
mod idle;
mod insert_bulk;
mod insert_match;
mod insert_nomatch;
mod latency;
mod loops;
mod profile;
mod retention;
mod schedules;
mod update_columns;
mod waiting;
mod webhooks;

use async_trait::async_trait;

use crate::measure::Measure;
use crate::stage::Bench;

/// What a section found.
#[derive(Debug, Default)]
pub struct Findings {
    /// The numbers.
    pub measures: Vec<Measure>,
    /// What else is worth knowing, a line each.
    pub notes: Vec<String>,
}

/// A part of the table.
#[async_trait]
pub trait Section: Sync {
    /// As `make bench SECTION=...` says it.
    fn name(&self) -> &'static str;

    /// Measures it.
    ///
    /// # Panics
    /// When something did not happen that should have been measured.
    async fn run(&self, bench: &Bench) -> Findings;
}

/// In the order of the table.
const ALL: &[&dyn Section] = &[
    &floor::Floor,
    &insert_match::InsertMatch,
    &insert_nomatch::InsertNomatch,
    &insert_bulk::InsertBulk,
    &update_columns::UpdateColumns,
    &drain_noop::DrainNoop,
    &drain_flow::DrainFlow,
    &latency::Latency,
    &history::History,
    &held_xmin::HeldXmin,
    &fairness::Fairness,
    &waiting::Waiting,
    &schedules::Schedules,
    &agents::Agents,
    &webhooks::Webhooks,
    &idle::Idle,
    &retention::Retention,
    &loops::Loops,
];

/// Not in the table, run when they are named.
const BY_NAME_ONLY: &[&dyn Section] = &[&profile::Profile];

/// Those of these names, in the order of the table; the whole table without a name.
pub fn chosen(names: &[String]) -> Result<Vec<&'static dyn Section>, String> {
    let all: Vec<&dyn Section> = ALL.iter().chain(BY_NAME_ONLY).copied().collect();
    let known = |name: &String| all.iter().any(|section| section.name() == name);
    if let Some(unknown) = names.iter().find(|name| !known(name)) {
        let known: Vec<&str> = all.iter().map(|section| section.name()).collect();
        return Err(format!("no section is called {unknown}: {}", known.join(", ")));
    }
    if names.is_empty() {
        return Ok(ALL.to_vec());
    }
    let wanted = |section: &&dyn Section| names.iter().any(|name| name == section.name());
    Ok(all.into_iter().filter(wanted).collect())
}

#[cfg(test)]
mod tests {
    fn names(chosen: &[&str]) -> Vec<&'static str> {
        let chosen: Vec<String> = chosen.iter().map(|name| (*name).to_owned()).collect();
        let sections = super::chosen(&chosen).unwrap();
        sections.iter().map(|section| section.name()).collect()
    }

    #[test]
    fn sections_run_in_the_order_of_the_table_however_they_are_named() {
        assert_eq!(names(&["latency", "floor"]), ["floor", "latency"]);
    }

    #[test]
    fn the_whole_table_is_run_without_a_name_and_the_profile_only_with_its_own() {
        assert!(!names(&[]).contains(&"profile"));
        assert_eq!(names(&["profile"]), ["profile"]);
    }
}
