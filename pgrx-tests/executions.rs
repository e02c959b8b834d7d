//! The triggers of public.automation_executions: what an insert is completed with, what is queued, what never changes.

#[pgrx::pg_schema]
mod tests {
    use crate::tests::stage::{self, Outcome, ask, state_of};
    use pgrx::prelude::*;

    fn insert(columns: &str, values: &str) -> String {
        [
            "INSERT INTO public.automation_executions (automation_id, trigger_type",
            columns,
            ") VALUES ('",
            stage::NEW_LEAD,
            "', 'manual'",
            values,
            ")",
        ]
        .concat()
    }

    #[pg_test]
    fn a_pending_one_is_queued_and_one_in_another_status_is_its_writers() -> Outcome {
        stage::set()?;
        Spi::run(&insert("", ""))?;
        Spi::run(&insert(", status", ", 'running'"))?;
        assert_eq!(
            ask("SELECT (count(*), bool_and(q.has_execution), bool_and(e.account_id = q.account_id AND e.version = 1))
                   FROM automations.queue q JOIN public.automation_executions e ON e.id = q.id")?,
            "(1,t,t)"
        );
        Ok(())
    }

    #[pg_test]
    fn a_lead_of_another_account_is_refused() -> Outcome {
        stage::set()?;
        let with = |lead: &str| insert(", lead_id", &[", '", lead, "'"].concat());
        assert_eq!(state_of(&with(stage::ALAN))?, "00000");
        assert_eq!(state_of(&with(stage::FRANCIS))?, "23503");
        Ok(())
    }

    #[pg_test]
    fn a_final_state_never_changes_and_its_lead_may_go() -> Outcome {
        stage::set()?;
        Spi::run(&insert(
            ", status, lead_id",
            &[", 'completed', '", stage::ALAN, "'"].concat(),
        ))?;
        for change in [
            "status = 'failed'",
            "output = '1'",
            "error = 'x'",
            "completed_at = now()",
        ] {
            assert_eq!(
                state_of(&["UPDATE public.automation_executions SET ", change].concat())?,
                "23001",
                "{change}"
            );
        }
        Spi::run(&["DELETE FROM public.leads WHERE id = '", stage::ALAN, "'"].concat())?;
        assert_eq!(
            ask("SELECT (status, lead_id) FROM public.automation_executions")?,
            "(completed,)"
        );
        Ok(())
    }

    #[pg_test]
    fn what_is_shown_of_the_steps_of_a_cancelled_execution_has_an_end() -> Outcome {
        stage::set()?;
        Spi::run(
            "SELECT pg_temp.queue(1); SELECT pg_temp.claim(1);
             INSERT INTO automations.steps (execution_id, account_id, node_id, run, status, ordinal, input, output)
             SELECT q.id, q.account_id, 'n' || n, 1, 'completed', n,
                    to_jsonb(repeat('x', 200000)), to_jsonb(repeat('x', CASE WHEN n = 2 THEN 300000 ELSE 10 END))
               FROM automations.queue q, generate_series(1, 100) n",
        )?;
        assert_eq!(
            ask("SELECT automations.cancel_execution(id) FROM public.automation_executions")?,
            "true"
        );
        assert_eq!(
            ask("SELECT (count(*), bool_and(n -> 'output' <> '{\"cut\": true}') FILTER (WHERE o < 80 AND o <> 2),
                         max(n ->> 'output') FILTER (WHERE o = 2),
                         max(n ->> 'input') FILTER (WHERE o = 100),
                         octet_length(max(e.nodes_executed::text)) BETWEEN 15000000 AND 17000000)
                   FROM public.automation_executions e, jsonb_array_elements(e.nodes_executed) WITH ORDINALITY AS x (n, o)")?,
            "(100,t,\"{\"\"cut\"\": true}\",\"{\"\"cut\"\": true}\",t)"
        );
        Ok(())
    }

    #[pg_test]
    fn trigger_data_that_is_too_large_is_refused_by_run_and_fails_what_was_inserted() -> Outcome {
        stage::set()?;
        let large = "jsonb_build_object('a', repeat('x', 1048576))";
        assert_eq!(
            state_of(&["SELECT automations.run('", stage::NEW_LEAD, "', ", large, ")"].concat())?,
            "22023"
        );
        Spi::run(&insert(", trigger_data", &[", ", large].concat()))?;
        Spi::run(&insert(
            ", trigger_data",
            ", jsonb_build_object('old', repeat('x', 1000000), 'new', repeat('x', 1000000))",
        ))?;
        stage::as_daemon()?;
        assert_eq!(ask("SELECT count(*) FROM pg_temp.claim(10)")?, "1");
        assert_eq!(
            ask(
                "SELECT string_agg(concat_ws(' ', status, error_code), ', ' ORDER BY id)
                   FROM public.automation_executions"
            )?,
            "failed too_large, running"
        );
        Ok(())
    }
}
