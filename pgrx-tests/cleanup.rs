//! Forgetting old executions, by its exact limits.

#[pgrx::pg_schema]
mod tests {
    use crate::tests::stage::{self, Outcome, ask};
    use pgrx::prelude::*;

    /// An execution that ended `ago`, a second more or less, with a step; its label says which it is.
    fn ended(status: &str, ago: &str, label: &str) -> Outcome {
        Spi::run_with_args(
            "WITH made AS (
                 INSERT INTO public.automation_executions (id, automation_id, trigger_type, status, started_at,
                     completed_at, error)
                 SELECT automations.uuid_v7(), a.id, 'manual', $1, now() - $2::interval - interval '1 minute',
                        now() - $2::interval, $3
                   FROM public.automations a WHERE a.name = 'New lead'
                 RETURNING id, account_id)
             INSERT INTO automations.steps (execution_id, account_id, node_id, run, status)
             SELECT id, account_id, 'score', 1, 'completed' FROM made",
            &[status.into(), ago.into(), label.into()],
        )
    }

    #[pg_test]
    fn completed_goes_after_thirty_days_and_failed_after_seven() -> Outcome {
        stage::set()?;
        for status in ["completed", "cancelled"] {
            ended(status, "30 days 1 second", "old")?;
            ended(status, "30 days -1 second", "young")?;
        }
        ended("failed", "7 days 1 second", "old")?;
        ended("failed", "7 days -1 second", "young")?;
        ended("running", "90 days", "young")?;
        assert_eq!(ask("SELECT public.cleanup_old_executions()")?, "3");
        assert_eq!(
            ask(
                "SELECT (count(*), count(*) FILTER (WHERE error = 'young')) FROM public.automation_executions"
            )?,
            "(4,4)"
        );
        assert_eq!(ask("SELECT count(*) FROM automations.steps")?, "4");
        assert_eq!(ask("SELECT public.cleanup_old_executions()")?, "0");
        Ok(())
    }

    #[pg_test]
    fn a_week_that_has_passed_goes_as_a_whole() -> Outcome {
        stage::set()?;
        Spi::run(
            "SELECT automations.make_partition('public.automation_executions', 'automations.executions_default',
                 'executions', 'id', date_trunc('week', now() - interval '90 days'));
             INSERT INTO public.automation_executions (id, automation_id, trigger_type, status, started_at, completed_at)
             SELECT automations.uuid_at(now() - interval '85 days' + n * interval '1 ms'), a.id, 'manual', 'completed',
                    now() - interval '85 days', now() - interval '85 days'
               FROM public.automations a, generate_series(1, 50) n WHERE a.name = 'New lead'",
        )?;
        let weeks = ask(
            "SELECT count(*) FROM pg_inherits WHERE inhparent = 'public.automation_executions'::regclass",
        )?;
        assert_eq!(ask("SELECT public.cleanup_old_executions()")?, "50");
        assert_ne!(
            ask(
                "SELECT count(*) FROM pg_inherits WHERE inhparent = 'public.automation_executions'::regclass"
            )?,
            weeks
        );
        Ok(())
    }

    #[pg_test]
    fn every_table_whose_rows_come_and_go_says_when_it_is_vacuumed_partitions_too() -> Outcome {
        stage::set()?;
        Spi::run(
            "SELECT automations.make_partition('automations.steps', 'automations.steps_default', 'steps',
                 'execution_id', date_trunc('week', now() - interval '90 days'))",
        )?;
        assert_eq!(
            ask(
                "SELECT coalesce(string_agg(c.oid::regclass::text, ' '), '') FROM pg_class c
                  WHERE (c.oid IN (SELECT i.inhrelid FROM pg_inherits i
                                    WHERE i.inhparent IN ('public.automation_executions'::regclass,
                                          'automations.steps'::regclass))
                      OR c.oid = ANY ('{automations.queue, automations.parked, automations.waits,
                             automations.in_flight, automations.debounced, automations.uncounted,
                             public.automation_events}'::regclass[]))
                    AND coalesce(c.reloptions::text, '') !~ 'autovacuum_vacuum_scale_factor'"
            )?,
            ""
        );
        Ok(())
    }

    #[pg_test]
    fn a_key_can_be_used_again_when_its_execution_is_forgotten() -> Outcome {
        stage::set()?;
        ended("completed", "31 days", "old")?;
        Spi::run("INSERT INTO automations.execution_keys
                  SELECT account_id, automation_id, 'order-1', id, now() - interval '31 days' FROM public.automation_executions")?;
        Spi::run("SELECT public.cleanup_old_executions()")?;
        assert_eq!(ask("SELECT count(*) FROM automations.execution_keys")?, "0");
        Ok(())
    }
}
