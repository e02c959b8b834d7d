//! Tools of agents: who sees them, how they are called, and what is refused when they are saved.

#[pgrx::pg_schema]
mod tests {
    use crate::tests::stage::{self, Outcome, ask, state_of};
    use pgrx::prelude::*;

    /// Ada's agent.
    const AGENT: &str = "a0000000-0000-4000-8000-000000000010";
    const GRAPH: &str = r#"'[{"id": "t", "type": "trigger-ai-tool", "data": {}}]', '[]'"#;

    fn add(name: &str, config: &str) -> String {
        [
            "INSERT INTO public.automations (agent_id, user_id, name, status, enabled, trigger_type, trigger_config, nodes, edges)
             VALUES ('", AGENT, "', '", stage::ADA, "', '", name, "', 'active', true, 'ai_tool', '", config, "', ", GRAPH, ")",
        ]
        .concat()
    }

    fn look_up() -> Outcome {
        stage::set()?;
        Spi::run(&add(
            "Look up",
            r#"{"tool_name": "look_up", "tool_description": "Looks it up.",
                "parameters": [{"name": "city", "required": true}, {"name": "days", "type": "integer"}]}"#,
        ))
    }

    fn tools(format: &str) -> Result<String, pgrx::spi::Error> {
        ask(&["automations.tools('", AGENT, "', '", format, "')"].concat())
    }

    fn call(arguments: &str) -> String {
        [
            "SELECT automations.call_tool('",
            AGENT,
            "', 'look_up', '",
            arguments,
            "')",
        ]
        .concat()
    }

    fn message_of(statement: &str) -> Result<String, pgrx::spi::Error> {
        Spi::run(
            "CREATE OR REPLACE FUNCTION pg_temp.message_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
             BEGIN EXECUTE statement; RETURN ''; EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE || ' ' || SQLERRM; END $$",
        )?;
        Ok(
            Spi::get_one_with_args::<String>("SELECT pg_temp.message_of($1)", &[statement.into()])?
                .unwrap_or_default(),
        )
    }

    #[pg_test]
    fn an_agents_tools_are_listed_for_whoever_sees_them_and_nobody_else() -> Outcome {
        look_up()?;
        stage::as_user(stage::ADA)?;
        assert_eq!(
            ask(&["automations.tools('", AGENT, "') #>> '{0,function,name}'"].concat())?,
            "look_up"
        );
        assert_eq!(
            ask(&["automations.tools('", AGENT, "') #>> '{0,function,strict}'"].concat())?,
            "true"
        );
        assert_eq!(
            ask(&[
                "automations.tools('",
                AGENT,
                "', 'anthropic') #>> '{0,input_schema,required,0}'"
            ]
            .concat())?,
            "city"
        );
        assert!(tools("mcp")?.contains("inputSchema"));
        assert_eq!(
            state_of(&["SELECT automations.tools('", AGENT, "', 'xml')"].concat())?,
            "22023"
        );
        stage::as_user(stage::BOB)?;
        assert_eq!(tools("openai")?, "[]");
        assert_eq!(ask("automations.tools(gen_random_uuid())")?, "[]");
        Ok(())
    }

    #[pg_test]
    fn only_enabled_and_active_automations_are_tools() -> Outcome {
        look_up()?;
        for change in [
            "status = 'paused'",
            "status = 'active', enabled = false",
            "enabled = true, status = 'error'",
            "status = 'archived'",
            "status = 'active', trigger_type = 'manual'",
        ] {
            Spi::run(
                &[
                    "UPDATE public.automations SET ",
                    change,
                    " WHERE name = 'Look up'",
                ]
                .concat(),
            )?;
            assert_eq!(tools("mcp")?, "[]", "{change}");
            assert_eq!(ask("SELECT count(*) FROM automations.tools")?, "0", "{change}");
            assert_eq!(state_of(&call(r#"{"city": "Nantes"}"#))?, "P0002", "{change}");
        }
        Spi::run("UPDATE public.automations SET trigger_type = 'ai_tool' WHERE name = 'Look up'")?;
        assert!(tools("mcp")?.contains("look_up"));
        Spi::run("DELETE FROM public.automations WHERE name = 'Look up'")?;
        assert_eq!(tools("mcp")?, "[]");
        Ok(())
    }

    #[pg_test]
    fn a_call_starts_an_execution_with_the_arguments_as_trigger_data() -> Outcome {
        look_up()?;
        stage::as_user(stage::ADA)?;
        Spi::run(&call(r#"{"city": "Nantes", "days": null}"#))?;
        assert_eq!(
            ask(
                "SELECT (status, trigger_type, trigger_data, triggered_by = account_id) FROM public.automation_executions"
            )?,
            "(pending,ai_tool,\"{\"\"city\"\": \"\"Nantes\"\"}\",t)"
        );
        Ok(())
    }

    #[pg_test]
    fn arguments_that_do_not_fit_start_nothing_and_are_told_with_the_place() -> Outcome {
        look_up()?;
        stage::as_user(stage::ADA)?;
        for (arguments, why) in [
            ("{}", "22023 arguments: \"city\" is a required property"),
            (
                r#"{"city": 7}"#,
                "22023 arguments/city: value is not of type \"string\"",
            ),
            (
                r#"{"city": "x", "days": "1"}"#,
                "22023 arguments/days: value is not of type \"integer\"",
            ),
            (
                r#"{"city": "x", "other": 1}"#,
                "22023 arguments: Additional properties are not allowed ('other' was unexpected)",
            ),
            ("[]", "22023 arguments: value is not of type \"object\""),
        ] {
            assert_eq!(message_of(&call(arguments))?, why);
        }
        assert_eq!(ask("SELECT count(*) FROM public.automation_executions")?, "0");
        Ok(())
    }

    #[pg_test]
    fn a_tool_that_one_does_not_see_is_none() -> Outcome {
        look_up()?;
        stage::as_user(stage::BOB)?;
        let hidden = message_of(&call(r#"{"city": "Nantes"}"#))?;
        assert_eq!(hidden, "P0002 tool look_up does not exist");
        assert_eq!(message_of(&call("{}"))?, hidden);
        assert_eq!(
            message_of("SELECT automations.call_tool(gen_random_uuid(), 'look_up', '{}')")?,
            hidden
        );
        Ok(())
    }

    #[pg_test]
    fn two_tools_of_an_agent_do_not_share_a_name() -> Outcome {
        look_up()?;
        let said = message_of(&add("Again", r#"{"tool_name": "look_up"}"#))?;
        assert!(said.starts_with("23505 `tool_name` is \"look_up\""), "{said}");
        Spi::run("UPDATE public.automations SET enabled = false WHERE name = 'Look up'")?;
        assert_eq!(state_of(&add("Again", r#"{"tool_name": "look_up"}"#))?, "00000");
        assert_eq!(
            state_of("UPDATE public.automations SET enabled = true WHERE name = 'Look up'")?,
            "23505"
        );
        Ok(())
    }

    #[pg_test]
    fn what_cannot_be_a_tool_is_refused_by_the_name_of_the_setting() -> Outcome {
        stage::set()?;
        for (config, setting) in [
            ("{}", "`tool_name`"),
            (r#"{"tool_name": "Look Up"}"#, "`tool_name`"),
            (
                r#"{"tool_name": "x", "parameters": {"type": "string"}}"#,
                "`parameters`",
            ),
            (
                r#"{"tool_name": "x", "parameters": {"$ref": "file:///etc/passwd"}}"#,
                "`parameters`",
            ),
        ] {
            let said = message_of(&add("Wrong", config))?;
            assert!(said.starts_with("22023") && said.contains(setting), "{said}");
        }
        Ok(())
    }

    #[pg_test]
    fn an_installation_from_before_gets_its_tools() -> Outcome {
        look_up()?;
        Spi::run("DELETE FROM automations.tools; SELECT automations.install()")?;
        assert!(tools("mcp")?.contains("look_up"));
        Ok(())
    }

    #[pg_test]
    fn the_daemon_starts_a_tool_only_in_the_version_that_it_looked_at() -> Outcome {
        look_up()?;
        stage::as_daemon()?;
        let start = |version: &str, account: &str| {
            ask(&[
                "SELECT automations.start_tool('",
                account,
                "', t.automation_id, ",
                version,
                ", '{\"city\": \"x\"}', NULL, 'k') IS NULL FROM automations.tools t",
            ]
            .concat())
        };
        assert_eq!(start("99", stage::ADA)?, "true");
        assert_eq!(start("t.version", stage::BOB)?, "true");
        assert_eq!(start("t.version", stage::ADA)?, "false");
        assert_eq!(start("t.version", stage::ADA)?, "false");
        assert_eq!(
            ask("SELECT count(*) FROM public.automation_executions")?,
            "1",
            "the same key"
        );
        let list = |account: &str| {
            ask(&[
                "SELECT string_agg(name, ' ') FROM automations.agent_tools('",
                account,
                "', NULL, NULL, NULL, 10)",
            ]
            .concat())
        };
        assert_eq!(list(stage::ADA)?, "look_up");
        assert_eq!(list(stage::BOB)?, "");
        Ok(())
    }

    #[pg_test]
    fn an_input_that_does_not_fit_the_schema_of_a_manual_trigger_is_refused() -> Outcome {
        stage::set()?;
        Spi::run(&[
            "INSERT INTO public.automations (id, agent_id, user_id, name, status, enabled, trigger_type, trigger_config, nodes, edges)
             VALUES ('a0000000-0000-4000-8000-0000000000f1', '", AGENT, "', '", stage::ADA, "', 'By hand', 'active', true, 'manual',
                     '{\"input_schema\": {\"type\": \"object\", \"required\": [\"city\"]}}',
                     '[{\"id\": \"t\", \"type\": \"trigger-manual\", \"data\": {}}]', '[]')"].concat())?;
        let run = |input: &str| {
            message_of(
                &[
                    "SELECT automations.run('a0000000-0000-4000-8000-0000000000f1', '",
                    input,
                    "')",
                ]
                .concat(),
            )
        };
        assert_eq!(run("{}")?, "22023 input: \"city\" is a required property");
        assert_eq!(run(r#"{"city": "Nantes"}"#)?, "");
        let said = message_of(
            "UPDATE public.automations SET trigger_config = '{\"input_schema\": {\"type\": \"text\"}}' WHERE name = 'By hand'",
        )?;
        assert!(
            said.starts_with("22023") && said.contains("`input_schema`"),
            "{said}"
        );
        Ok(())
    }
}
