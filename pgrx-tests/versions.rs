//! Saving and publishing: what cannot run is refused, each saved change of an active automation is a version.

#[pgrx::pg_schema]
mod tests {
    use crate::tests::stage::{self, Outcome, ask, state_of};
    use pgrx::prelude::*;

    const VERSION: &str = "SELECT version FROM public.automations WHERE name = 'New lead'";
    const RENODE: &str = "UPDATE public.automations SET nodes = jsonb_set(nodes, '{0,position,x}', '7')
        WHERE name = 'New lead'";

    #[pg_test]
    fn each_saved_change_of_an_active_automation_is_a_version() -> Outcome {
        stage::set()?;
        assert_eq!(ask(VERSION)?, "1");
        Spi::run("UPDATE public.automations SET description = 'x', viewport = '{}' WHERE name = 'New lead'")?;
        assert_eq!(ask(VERSION)?, "1");
        Spi::run(RENODE)?;
        assert_eq!(ask(VERSION)?, "2");
        assert_eq!(
            ask(
                "SELECT (count(*), count(DISTINCT v.nodes)) FROM public.automation_versions v
                   JOIN public.automations a ON a.id = v.automation_id WHERE a.name = 'New lead'"
            )?,
            "(2,2)"
        );
        assert_eq!(
            ask("SELECT version FROM automations.listeners WHERE automation_id =
                            (SELECT id FROM public.automations WHERE name = 'New lead')")?,
            "2"
        );
        assert_eq!(
            state_of("UPDATE public.automation_versions SET note = 'x'")?,
            "23001"
        );
        Ok(())
    }

    #[pg_test]
    fn a_draft_may_be_incomplete_and_what_is_active_may_not() -> Outcome {
        stage::set()?;
        stage::as_user(stage::ADA)?;
        let broken = "edges = '[{\"id\": \"e\", \"source\": \"t\", \"target\": \"n7\"}]', nodes = '[{\"id\": \"t\", \"type\": \"trigger-event\", \"data\": {}}, {\"id\": \"n7\", \"type\": \"action-teleport\", \"position\": {\"x\": 0, \"y\": 0}, \"data\": {}}]'";
        assert_eq!(
            state_of(&["UPDATE public.automations SET ", broken].concat())?,
            "22023"
        );
        assert_eq!(
            state_of(&["UPDATE public.automations SET status = 'draft', ", broken].concat())?,
            "00000"
        );
        assert_eq!(
            state_of("UPDATE public.automations SET status = 'active'")?,
            "22023"
        );
        assert_eq!(
            state_of("UPDATE public.automations SET status = 'archived'")?,
            "00000"
        );
        Spi::run(
            "CREATE FUNCTION pg_temp.said() RETURNS text LANGUAGE plpgsql AS $$
             BEGIN UPDATE public.automations SET status = 'active'; RETURN ''; EXCEPTION WHEN OTHERS THEN
                 RETURN SQLERRM; END $$",
        )?;
        let said = ask("SELECT pg_temp.said()")?;
        assert!(said.contains("n7"), "{said}");
        Ok(())
    }

    #[pg_test]
    fn json_that_is_too_deep_is_refused_and_no_panic() -> Outcome {
        stage::set()?;
        let deep = "jsonb_build_array((repeat('[', 5000) || repeat(']', 5000))::jsonb)";
        assert_eq!(
            state_of(&["UPDATE public.automations SET nodes = ", deep].concat())?,
            "22023"
        );
        assert_eq!(
            ask(&["SELECT code FROM automations.validate(", deep, ", '[]') LIMIT 1"].concat())?,
            "unreadable"
        );
        assert_eq!(
            state_of("UPDATE public.automations SET edges = '[{\"source\": 1e400}]'")?,
            "22023"
        );
        Ok(())
    }

    #[pg_test]
    fn publish_turns_a_draft_on_and_gives_a_note() -> Outcome {
        stage::set()?;
        Spi::run("UPDATE public.automations SET status = 'draft', enabled = false WHERE name = 'New lead'")?;
        assert_eq!(
            ask("SELECT count(*) FROM automations.listeners l JOIN public.automations a ON a.id = l.automation_id
                  WHERE a.name = 'New lead'")?,
            "0"
        );
        Spi::run(RENODE)?;
        assert_eq!(ask(VERSION)?, "1");
        stage::as_user(stage::ADA)?;
        let publish = ["SELECT automations.publish('", stage::NEW_LEAD, "', 'spring')"].concat();
        assert_eq!(ask(&publish)?, "2");
        assert_eq!(ask(&publish)?, "3");
        assert_eq!(
            ask(
                "SELECT (a.status, a.enabled, v.note, v.created_by) FROM public.automation_versions v
                   JOIN public.automations a ON a.id = v.automation_id AND a.version = v.version
                  WHERE a.name = 'New lead'"
            )?,
            "(active,t,spring,a0000000-0000-4000-8000-0000000000a1)"
        );
        stage::as_user(stage::BOB)?;
        assert_eq!(state_of(&publish)?, "P0002");
        Ok(())
    }

    #[pg_test]
    fn an_agent_of_another_account_is_refused_on_insert_and_on_update() -> Outcome {
        stage::set()?;
        let foreign = "'b0000000-0000-4000-8000-000000000010'";
        assert_eq!(
            state_of(&["UPDATE public.automations SET agent_id = ", foreign].concat())?,
            "23503"
        );
        assert_eq!(
            state_of(
                &[
                    "INSERT INTO public.automations (agent_id, user_id, name, trigger_type) VALUES (",
                    foreign,
                    ", 'a0000000-0000-4000-8000-0000000000a1', 'x', 'manual')",
                ]
                .concat()
            )?,
            "23503"
        );
        Ok(())
    }

    #[pg_test]
    fn statistics_do_not_touch_updated_at() -> Outcome {
        stage::set()?;
        Spi::run("UPDATE public.automations SET updated_at = '2020-01-01'")?;
        Spi::run(
            "ALTER TABLE public.automations DISABLE TRIGGER update_automations_updated_at;
                  UPDATE public.automations SET updated_at = '2020-01-01';
                  ALTER TABLE public.automations ENABLE TRIGGER update_automations_updated_at;
                  UPDATE public.automations SET execution_count = 5, last_executed_at = now()",
        )?;
        assert_eq!(
            ask("SELECT count(*) FROM public.automations WHERE updated_at > '2020-01-02'")?,
            "0"
        );
        Spi::run("UPDATE public.automations SET name = name || '!'")?;
        assert_eq!(
            ask("SELECT count(*) FROM public.automations WHERE updated_at < '2020-01-02'")?,
            "0"
        );
        Ok(())
    }

    #[pg_test]
    fn the_next_runs_of_a_schedule_can_be_asked_for() -> Outcome {
        stage::set()?;
        assert_eq!(
            ask("SELECT count(*) FROM automations.next_runs('0 9 * * 1-5', 'Europe/Berlin', 7)")?,
            "7"
        );
        assert_eq!(
            ask(
                "SELECT bool_and(extract(hour FROM t AT TIME ZONE 'Europe/Berlin') = 9 AND t > now())
                   FROM automations.next_runs('0 9 * * *', 'Europe/Berlin', 400) t"
            )?,
            "true"
        );
        assert_eq!(
            state_of("SELECT automations.next_runs('61 * * * *', 'UTC', 1)")?,
            "22023"
        );
        assert_eq!(
            state_of("SELECT automations.next_runs('* * * * *', 'Mars/Base', 1)")?,
            "22023"
        );
        Ok(())
    }

    #[pg_test]
    fn json_that_no_graph_can_be_is_refused_before_it_is_parsed() -> Outcome {
        stage::set()?;
        let large = "to_jsonb(array_fill(1, ARRAY[1000000]))";
        assert_eq!(
            state_of(
                &[
                    "UPDATE public.automations SET nodes = ",
                    large,
                    " WHERE name = 'New lead'"
                ]
                .concat()
            )?,
            "22023"
        );
        assert_eq!(
            state_of(&["SELECT automations.resolve_trigger('manual', '{}', ", large, ")"].concat())?,
            "22023"
        );
        assert_eq!(
            ask(&[
                "SELECT v.message LIKE 'nodes is % bytes long as JSON, more than a graph may have (2097152)'
                   FROM automations.validate(",
                large,
                ", '[]') v"
            ]
            .concat())?,
            "true"
        );
        Ok(())
    }
}
