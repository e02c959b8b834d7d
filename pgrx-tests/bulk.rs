//! Many at once by a filter: cancel_many, retry_many.

#[pgrx::pg_schema]
mod tests {
    use crate::tests::stage::{self, Outcome, ask, state_of};
    use pgrx::prelude::*;

    /// Executions of "New lead": three failed (two at `send`, one of them about Alan), one completed, one cancelled, one
    /// running, one waiting; and two changes that nobody has claimed.
    fn history() -> Outcome {
        stage::set()?;
        Spi::run_with_args(
            "INSERT INTO public.automation_executions
                 (automation_id, trigger_type, status, error_code, error_node_id, lead_id, started_at)
             SELECT a.id, 'event', h.status, h.code, h.node, h.lead, now() - h.age * interval '1 hour'
               FROM public.automations a, (VALUES
                    ('failed', 'node_failed', 'send', $1::uuid, 5), ('failed', 'timeout', 'send', NULL, 4),
                    ('failed', 'node_failed', 'score', NULL, 3), ('completed', NULL, NULL, $1::uuid, 2),
                    ('cancelled', NULL, NULL, NULL, 2), ('running', NULL, NULL, NULL, 1), ('waiting', NULL, NULL, $1::uuid, 1))
                    AS h (status, code, node, lead, age)
              WHERE a.name = 'New lead' ORDER BY h.age DESC",
            &[stage::ALAN.into()],
        )?;
        Spi::run("SELECT pg_temp.queue(2)")
    }

    fn many(what: &str, filter: &str, rest: &str) -> String {
        [
            "SELECT automations.",
            what,
            "('",
            stage::NEW_LEAD,
            "', '",
            filter,
            "'",
            rest,
            ")",
        ]
        .concat()
    }

    /// `done` of each row.
    fn done(what: &str, filter: &str, rest: &str) -> Result<String, pgrx::spi::Error> {
        let call = many(what, filter, rest).replace("SELECT ", "SELECT string_agg(m.done::text, ' ') FROM ");
        ask(&[&call, " m"].concat())
    }

    #[pg_test]
    fn without_a_filter_everything_that_has_not_ended_is_cancelled_also_what_nobody_has_claimed() -> Outcome {
        history()?;
        stage::as_user(stage::ADA)?;
        assert_eq!(done("cancel_many", "{}", "")?, "true true true true");
        stage::as_superuser()?;
        assert_eq!(
            ask("SELECT (count(*) FILTER (WHERE status = 'cancelled'), count(*),
                         (SELECT count(*) FROM automations.queue)) FROM public.automation_executions")?,
            "(5,9,0)"
        );
        assert_eq!(done("cancel_many", "{}", "")?, "");
        Ok(())
    }

    #[pg_test]
    fn a_filter_says_which() -> Outcome {
        history()?;
        stage::as_user(stage::ADA)?;
        let alans = ["{\"lead_id\": \"", stage::ALAN, "\"}"].concat();
        assert_eq!(done("cancel_many", "{\"status\": \"waiting\"}", "")?, "true");
        assert_eq!(
            done("cancel_many", &alans, "")?,
            "true true",
            "the two captured changes"
        );
        assert_eq!(done("retry_many", &alans, "")?, "true");
        assert_eq!(done("retry_many", "{\"error_code\": \"timeout\"}", "")?, "true");
        assert_eq!(
            done("retry_many", "{\"error_node_id\": \"send\"}", "")?,
            "",
            "both are retried"
        );
        assert_eq!(
            done("retry_many", "{\"status\": [\"completed\", \"cancelled\"]}", "")?,
            "true true true true true",
            "with what was cancelled above"
        );
        let old = "{\"started_before\": \"2020-01-01\", \"test_mode\": false}";
        assert_eq!(done("cancel_many", old, "")?, "");
        Ok(())
    }

    #[pg_test]
    fn the_oldest_come_first_and_the_next_call_goes_on() -> Outcome {
        history()?;
        let oldest = "SELECT string_agg(coalesce(e.error_code, '') || e.error_node_id, ' ') FROM automations.retry_many('";
        let call = [
            oldest,
            stage::NEW_LEAD,
            "', most => 2) m JOIN public.automation_executions e ON e.id = m.execution_id",
        ]
        .concat();
        assert_eq!(ask(&call)?, "node_failedsend timeoutsend");
        assert_eq!(ask(&call)?, "node_failedscore");
        assert_eq!(ask(&call)?, "");
        assert_eq!(
            ask(
                "SELECT count(*) FROM public.automation_executions WHERE retry_of IS NOT NULL AND status = 'pending'"
            )?,
            "3"
        );
        Ok(())
    }

    #[pg_test]
    fn what_is_refused_keeps_no_other_from_being_done() -> Outcome {
        history()?;
        Spi::run("UPDATE public.automation_executions SET version = NULL WHERE error_code = 'timeout'")?;
        assert_eq!(done("retry_many", "{}", "")?, "true false true");
        assert_eq!(
            done("retry_many", "{}", ", from_node => 'nowhere'")?,
            "false",
            "only the one that was refused is left"
        );
        assert_eq!(
            ask(&[
                "SELECT message LIKE '%version%' AND retry_id IS NULL FROM automations.retry_many('",
                stage::NEW_LEAD,
                "')"
            ]
            .concat())?,
            "true"
        );
        Ok(())
    }

    #[pg_test]
    fn what_one_does_not_see_is_not_there() -> Outcome {
        history()?;
        stage::as_user(stage::BOB)?;
        assert_eq!(done("cancel_many", "{}", "")?, "");
        assert_eq!(done("retry_many", "{}", "")?, "");
        assert_eq!(ask("SELECT count(*) FROM automations.cancel_many(NULL)")?, "0");
        stage::as_user(stage::ADA)?;
        assert_eq!(ask("SELECT count(*) FROM automations.cancel_many(NULL)")?, "4");
        Ok(())
    }

    #[pg_test]
    fn a_filter_that_cannot_be_meant_is_refused() -> Outcome {
        history()?;
        for wrong in [
            "{\"leadId\": \"x\"}",
            "{\"lead_id\": null}",
            "{\"lead_id\": \"x\"}",
            "{\"status\": \"done\"}",
            "{\"status\": []}",
            "{\"status\": [null]}",
            "{\"status\": \"failed\"}",
            "{\"started_after\": \"yesterdayish\"}",
            "{\"test_mode\": \"true\"}",
            "[]",
        ] {
            assert_eq!(state_of(&many("cancel_many", wrong, ""))?, "22023", "{wrong}");
        }
        for most in [", 0", ", NULL", ", 10001"] {
            assert_eq!(state_of(&many("cancel_many", "{}", most))?, "22023", "{most}");
        }
        assert_eq!(
            state_of(&many(
                "retry_many",
                "{}",
                ", from_node => 'a', from_failed => true"
            ))?,
            "22023"
        );
        assert_eq!(
            done("cancel_many", "{}", "")?,
            "true true true true",
            "nothing was done before"
        );
        Ok(())
    }
}
