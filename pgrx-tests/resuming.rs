//! `resume()`: once, by the token alone, never too late, and nothing is learnt from one that is refused.

#[pgrx::pg_schema]
mod tests {
    use crate::tests::stage::{self, Outcome, ask, state_of};
    use crate::tests::waiting::{park, parked_for, place, running, token, waited};
    use flow::TokenKind::{Approval, Wait};
    use pgrx::prelude::*;
    use pgrx::spi;

    /// Resumes as whoever asks.
    fn resume(token: &str, more: &str) -> Result<String, spi::Error> {
        ask(&["SELECT automations.resume('", token, "'", more, ")"].concat())
    }

    #[pg_test]
    fn a_waiting_step_is_resumed_once_with_its_payload() -> Outcome {
        parked_for(r#"{"kind": "resume"}"#)?;
        let token = token(Wait)?;
        stage::as_user(stage::BOB)?;
        assert_eq!(resume(&token, ", '{\"a\": 1}'")?, "true");
        assert_eq!(resume(&token, ", '{\"a\": 2}'")?, "false");
        stage::as_superuser()?;
        assert_eq!(place()?, "queued");
        stage::as_daemon()?;
        Spi::run("SELECT pg_temp.claim(10)")?;
        assert_eq!(waited()?, "resumed {\"a\": 1}");
        Ok(())
    }

    #[pg_test]
    fn an_approval_says_how_by_whom_and_when() -> Outcome {
        parked_for(r#"{"kind": "resume"}"#)?;
        let token = token(Approval)?;
        stage::as_user(stage::ADA)?;
        assert_eq!(resume(&token, ", '{\"note\": \"ok\"}', 'rejected'")?, "true");
        stage::as_superuser()?;
        assert_eq!(
            ask("SELECT concat_ws(' ', outcome, payload ->> 'outcome', payload -> 'payload' ->> 'note',
                        payload ->> 'resumed_by', (payload ->> 'resumed_at')::timestamptz <= clock_timestamp())
                   FROM automations.waits")?,
            ["rejected rejected ok ", stage::ADA, " t"].concat()
        );
        Ok(())
    }

    #[pg_test]
    fn an_approval_takes_one_of_two_outcomes_and_a_wait_none() -> Outcome {
        parked_for(r#"{"kind": "resume"}"#)?;
        let (wait, approval) = (token(Wait)?, token(Approval)?);
        for (token, outcome) in [
            (&approval, "NULL"),
            (&approval, "'maybe'"),
            (&approval, "''"),
            (&wait, "'approved'"),
        ] {
            let call = ["SELECT automations.resume('", token, "', '{}', ", outcome, ")"].concat();
            assert_eq!(state_of(&call)?, "22023", "{outcome}");
        }
        assert_eq!(ask("SELECT came FROM automations.waits")?, "");
        Ok(())
    }

    #[pg_test]
    fn a_forged_or_broken_token_is_refused_and_all_sound_the_same() -> Outcome {
        parked_for(r#"{"kind": "resume"}"#)?;
        let good = token(Wait)?;
        let other = token(Approval)?;
        let tail = good.get(44..).unwrap_or_default();
        let head = other.get(..44).unwrap_or_default();
        Spi::run(
            "CREATE FUNCTION pg_temp.said(token text) RETURNS text LANGUAGE plpgsql AS $$
             BEGIN RETURN automations.resume(token)::text;
             EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE || ' ' || SQLERRM; END $$",
        )?;
        for bad in [
            "".to_owned(),
            "x".to_owned(),
            good.to_uppercase(),
            good.chars().rev().collect(),
            [&good, "A"].concat(),
            [head, tail].concat(),
            "%".repeat(good.len()),
            "A".repeat(good.len()),
            "\u{e4}".repeat(33),
            "A".repeat(2_000_000),
        ] {
            assert_eq!(
                Spi::get_one_with_args::<String>("SELECT pg_temp.said($1)", &[bad.as_str().into()])?
                    .unwrap_or_default(),
                "22023 this token is not valid"
            );
        }
        assert_eq!(ask("SELECT pg_temp.said(NULL)")?, "22023 this token is not valid");
        assert_eq!(ask("SELECT came FROM automations.waits")?, "");
        assert_eq!(resume(&good, "")?, "true");
        Ok(())
    }

    #[pg_test]
    fn a_token_of_another_secret_is_refused() -> Outcome {
        parked_for(r#"{"kind": "resume"}"#)?;
        let old = token(Wait)?;
        stage::as_superuser()?;
        Spi::run("UPDATE automations.token_secret SET secret = repeat('5e', 32)")?;
        assert_eq!(
            state_of(&["SELECT automations.resume('", &old, "')"].concat())?,
            "22023"
        );
        assert_eq!(resume(&token(Wait)?, "")?, "true");
        Ok(())
    }

    #[pg_test]
    fn a_resume_before_the_step_waits_counts_and_only_once() -> Outcome {
        running()?;
        let token = token(Wait)?;
        assert_eq!(resume(&token, ", '{\"early\": true}'")?, "true");
        assert_eq!(resume(&token, "")?, "false");
        assert_eq!(waited()?, "");
        assert_eq!(park(r#"{"kind": "resume"}"#)?, "true");
        assert_eq!(place()?, "queued");
        Spi::run("SELECT pg_temp.claim(10)")?;
        assert_eq!(waited()?, "resumed {\"early\": true}");
        Ok(())
    }

    #[pg_test]
    fn an_early_resume_outlives_the_pauses_between_attempts() -> Outcome {
        running()?;
        assert_eq!(resume(&token(Wait)?, "")?, "true");
        Spi::run("SELECT pg_temp.record('{\"status\": \"started\"}')")?;
        Spi::run("SELECT pg_temp.record('{\"wake_in_ms\": 1000}')")?;
        Spi::run("SELECT pg_temp.record('{\"attempt\": 2, \"wait\": {\"kind\": \"resume\"}}')")?;
        assert_eq!(waited()?, "resumed {}");
        Ok(())
    }

    #[pg_test]
    fn a_step_that_has_ended_is_not_resumed() -> Outcome {
        running()?;
        let token = token(Wait)?;
        Spi::run("SELECT pg_temp.record('{\"wait\": {\"kind\": \"resume\"}}')")?;
        Spi::run("SELECT pg_temp.record('{\"status\": \"completed\", \"ordinal\": 1}')")?;
        assert_eq!(resume(&token, "")?, "false");
        assert_eq!(ask("SELECT count(*) FROM automations.waits")?, "0");
        Ok(())
    }

    #[pg_test]
    fn after_its_timeout_nothing_resumes_even_if_nobody_looked() -> Outcome {
        running()?;
        Spi::run("SELECT pg_temp.record('{\"wait\": {\"kind\": \"resume\"}, \"wake_in_ms\": 0}')")?;
        assert_eq!(resume(&token(Wait)?, "")?, "false");
        assert_eq!(waited()?, "timeout");
        Ok(())
    }

    #[pg_test]
    fn what_has_ended_was_cancelled_or_deleted_is_not_resumed() -> Outcome {
        running()?;
        for end in [
            "SELECT automations.cancel_execution(id) FROM public.automation_executions",
            "DELETE FROM public.automation_executions",
        ] {
            park(r#"{"kind": "resume"}"#)?;
            let token = token(Wait)?;
            stage::as_superuser()?;
            Spi::run(end)?;
            assert_eq!(resume(&token, "")?, "false", "{end}");
            assert_eq!(ask("SELECT count(*) FROM automations.waits")?, "0", "{end}");
            Spi::run("DELETE FROM public.automation_executions; DELETE FROM automations.steps")?;
            Spi::run("SELECT pg_temp.queue(1); SELECT pg_temp.claim(10)")?;
        }
        Ok(())
    }

    #[pg_test]
    fn what_waits_for_an_event_or_another_execution_takes_no_token() -> Outcome {
        running()?;
        for wait in [
            r#"{"kind": "event", "event": "paid"}"#,
            r#"{"kind": "child", "child_id": "c0000000-0000-4000-8000-000000000009"}"#,
        ] {
            Spi::run("DELETE FROM automations.waits; DELETE FROM automations.steps")?;
            Spi::run(&["SELECT pg_temp.record('{\"wait\": ", wait, "}')"].concat())?;
            assert_eq!(resume(&token(Wait)?, "")?, "false", "{wait}");
            // nor one that came early
            Spi::run("DELETE FROM automations.waits; DELETE FROM automations.steps")?;
            assert_eq!(resume(&token(Wait)?, "")?, "true");
            Spi::run(&["SELECT pg_temp.record('{\"wait\": ", wait, "}')"].concat())?;
            assert_eq!(waited()?, "", "{wait}");
        }
        Ok(())
    }

    #[pg_test]
    fn a_payload_has_at_most_a_megabyte() -> Outcome {
        parked_for(r#"{"kind": "resume"}"#)?;
        let token = token(Wait)?;
        let sized = |bytes: &str| {
            [
                "SELECT automations.resume('",
                &token,
                "', to_jsonb(repeat('x', ",
                bytes,
                ")))",
            ]
            .concat()
        };
        assert_eq!(state_of(&sized("1048576"))?, "22023");
        assert_eq!(ask(&sized("1048574"))?, "true");
        Ok(())
    }

    #[pg_test]
    fn anybody_may_use_a_token_and_nobody_reads_the_secret() -> Outcome {
        parked_for(r#"{"kind": "resume"}"#)?;
        let token = token(Wait)?;
        stage::as_superuser()?;
        Spi::run("SET LOCAL ROLE anon")?;
        assert_eq!(
            state_of(&["SELECT automations.resume('", &token, "')"].concat())?,
            "42501"
        );
        stage::as_user(stage::ADA)?;
        for reads in [
            "SELECT * FROM automations.token_secret",
            "SELECT automations.token_secret()",
            "SELECT * FROM automations.waits",
        ] {
            assert_eq!(state_of(reads)?, "42501", "{reads}");
        }
        stage::as_superuser()?;
        Spi::run("SET LOCAL ROLE service_role")?;
        assert_eq!(resume(&token, "")?, "true");
        Ok(())
    }
}
