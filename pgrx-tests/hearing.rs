//! An automation of Ada's that listens to what a test wants, and what it heard.

use pgrx::prelude::*;
use pgrx::spi;

use super::stage::{self, Outcome, ask};

/// Only one automation listens from here on, with this trigger configuration.
pub fn hear(config: &str) -> Outcome {
    stage::set()?;
    Spi::run_with_args(
        "WITH quiet AS (UPDATE public.automations SET enabled = false RETURNING 1)
         INSERT INTO public.automations (id, agent_id, user_id, name, status, enabled, trigger_type, trigger_config,
                nodes, edges)
         SELECT 'a0000000-0000-4000-8000-00000000000f', 'a0000000-0000-4000-8000-000000000010', $1::uuid, 'ear',
                'active', true, 'event', $2::text::jsonb,
                '[{\"id\": \"t\", \"type\": \"trigger-event\", \"position\": {\"x\": 0, \"y\": 0}, \"data\": {}}]',
                '[]'",
        &[stage::ADA.into(), config.into()],
    )
}

/// What was heard, in order: events with the columns that changed.
pub fn heard() -> Result<String, spi::Error> {
    ask(
        "SELECT string_agg((q.trigger_data ->> 'event') || (q.trigger_data ->> 'changed'), ' ' ORDER BY q.id)
           FROM automations.queue q",
    )
}

/// How many executions wait.
pub fn count() -> Result<String, spi::Error> {
    ask("SELECT count(*) FROM automations.queue")
}

/// What was put down as missed: how many, and the SQLSTATEs.
pub fn missed() -> Result<String, spi::Error> {
    ask(
        "SELECT count(*) || coalesce(' ' || string_agg(DISTINCT m.sqlstate, ','), '') FROM automations.missed m",
    )
}
