//! Webhooks in the database: what saving makes of them, that nobody reads their secrets, and how calls start executions.

#[pgrx::pg_schema]
mod tests {
    use crate::tests::stage::{self, Outcome, ask, state_of};
    use pgrx::prelude::*;

    /// Ada's webhook "Orders", with this trigger_config.
    fn save(config: &str) -> Result<String, pgrx::spi::Error> {
        let saved = "INSERT INTO public.automations (user_id, agent_id, name, status, enabled, trigger_type,
                         trigger_config, nodes)
             SELECT a.user_id, a.agent_id, 'Orders', 'active', true, 'webhook', '";
        let nodes = "', '[{\"id\": \"start\", \"type\": \"trigger-webhook\", \"position\": {\"x\": 1.00000000000000000000000007, \"y\": 0},
                           \"data\": {\"config\": {\"auth\": {\"type\": \"none\", \"secret\": \"in the node\"}}}}]'
              FROM public.automations a WHERE a.name = 'New lead'";
        state_of(&[saved, config, nodes].concat())
    }

    const SIGNED: &str = r#"{"path": "/orders/new/", "auth": {"type": "hmac", "secret": "in the row"}}"#;
    const WEBHOOK: &str = "SELECT (w.path, w.version) FROM automations.webhooks w";
    const CHANGE: &str = "UPDATE public.automations SET ";

    fn change(what: &str) -> Result<String, pgrx::spi::Error> {
        state_of(&[CHANGE, what, " WHERE name = 'Orders'"].concat())
    }

    #[pg_test]
    fn the_row_of_a_webhook_follows_its_automation() -> Outcome {
        stage::set()?;
        stage::as_user(stage::ADA)?;
        assert_eq!(save(SIGNED)?, "00000");
        assert_eq!(ask(WEBHOOK)?, "(orders/new,1)");
        let path =
            ask("SELECT automations.webhook_path(a.id) FROM public.automations a WHERE a.name = 'Orders'")?;
        assert!(
            path.starts_with("/hooks/") && path.ends_with("/orders/new") && path.len() == 50,
            "{path}"
        );
        for (changed, row) in [
            ("status = 'paused'", ""),
            ("status = 'active'", "(orders/new,1)"),
            ("enabled = false", ""),
            ("enabled = true", "(orders/new,1)"),
            ("trigger_config = trigger_config || '{\"path\": \"b\"}'", "(b,2)"),
            ("trigger_type = 'manual'", ""),
            ("trigger_type = 'webhook'", "(b,4)"),
        ] {
            assert_eq!(
                (change(changed)?.as_str(), ask(WEBHOOK)?.as_str()),
                ("00000", row),
                "{changed}"
            );
        }
        stage::as_user(stage::BOB)?;
        assert_eq!(ask(WEBHOOK)?, "");
        assert_eq!(ask("SELECT count(*) FROM automations.account_names")?, "0");
        stage::as_user(stage::ADA)?;
        Spi::run("DELETE FROM public.automations WHERE name = 'Orders'")?;
        assert_eq!(ask(WEBHOOK)?, "");
        Ok(())
    }

    #[pg_test]
    fn a_path_is_one_webhook_of_its_account() -> Outcome {
        stage::set()?;
        assert_eq!(save(r#"{"path": "orders"}"#)?, "00000");
        assert_eq!(save(r#"{"path": "/orders"}"#)?, "23505");
        assert_eq!(save(r#"{"path": "Orders"}"#)?, "00000");
        Spi::run(
            "INSERT INTO public.automations (user_id, agent_id, name, status, enabled, trigger_type, trigger_config, nodes)
             SELECT g.user_id, g.id, 'Bobs', 'active', true, 'webhook', '{\"path\": \"orders\"}',
                    '[{\"id\": \"s\", \"type\": \"trigger-webhook\", \"data\": {}}]'
               FROM public.agents g WHERE g.user_id <> 'a0000000-0000-4000-8000-0000000000a1' LIMIT 1",
        )?;
        assert_eq!(
            ask("SELECT (count(*), count(DISTINCT account_id)) FROM automations.webhooks")?,
            "(3,2)"
        );
        Ok(())
    }

    #[pg_test]
    fn what_cannot_be_called_is_not_saved() -> Outcome {
        stage::set()?;
        for config in [
            r#"{}"#,
            r#"{"path": "a b"}"#,
            r#"{"path": "a/../b"}"#,
            r#"{"path": "a", "methods": ["FETCH"]}"#,
            r#"{"path": "a", "auth": "token"}"#,
            r#"{"path": "a", "auth": {"type": "hmac"}}"#,
            r#"{"path": "a", "auth": {"type": "magic"}}"#,
            r#"{"path": "a", "auth": {"type": "standard-webhooks", "secret": "whsec_*"}}"#,
            r#"{"path": "a", "response": "later"}"#,
            r#"{"path": "a", "keep": "yes"}"#,
        ] {
            assert_eq!(save(config)?, "22023", "{config}");
        }
        Ok(())
    }

    #[pg_test]
    fn secrets_are_in_no_row_and_in_no_version_and_saving_again_keeps_them() -> Outcome {
        stage::set()?;
        stage::as_user(stage::ADA)?;
        assert_eq!(save(SIGNED)?, "00000");
        let texts = "SELECT string_agg(x.t, ' ') FROM (
             SELECT a::text FROM public.automations a WHERE a.name = 'Orders'
             UNION ALL SELECT v::text FROM public.automation_versions v
             UNION ALL SELECT w::text FROM automations.webhooks w) x (t)";
        let said = ask(texts)?;
        assert!(
            !said.contains("in the row") && !said.contains("in the node"),
            "{said}"
        );
        assert_eq!(said.matches("sealed:1:").count(), 5, "{said}");
        // numbers that Rust would round are as they were
        assert_eq!(
            ask("SELECT nodes #>> '{0,position,x}' FROM public.automations WHERE name = 'Orders'")?,
            "1.00000000000000000000000007"
        );
        let version = "SELECT version FROM public.automations WHERE name = 'Orders'";
        for config in [
            "trigger_config = trigger_config",
            &["trigger_config = '", SIGNED, "'"].concat(),
        ] {
            assert_eq!(change(config)?, "00000");
            assert_eq!(ask(version)?, "1", "{config}");
        }
        assert_eq!(
            change(
                r#"trigger_config = '{"path": "orders/new", "auth": {"type": "hmac", "secret": "new"}}'"#
            )?,
            "00000"
        );
        assert_eq!(ask(version)?, "2");
        assert_eq!(
            change(
                r#"status = 'draft', trigger_config = '{"auth": {"type": "token", "token": "drafted"}}'"#
            )?,
            "00000"
        );
        assert!(!ask(texts)?.contains("drafted"));
        stage::as_superuser()?;
        Spi::run(
            "UPDATE public.automations a SET user_id = g.user_id, agent_id = g.id FROM public.agents g
              WHERE a.name = 'Orders' AND g.user_id <> a.user_id",
        )?;
        let moved =
            ask("SELECT trigger_config #>> '{auth,token}' FROM public.automations WHERE name = 'Orders'")?;
        assert!(
            moved.starts_with("sealed:1:") && !said.contains(&moved),
            "{moved}"
        );
        Ok(())
    }

    /// Calls of "Orders": keys, and whether they are kept.
    fn call(calls: &[(&str, bool)], version: u32) -> Result<String, pgrx::spi::Error> {
        let calls: Vec<String> = calls
            .iter()
            .map(|(key, keep)| {
                format!(
                    "jsonb_build_object('automation_id', w.automation_id, 'version', {version}, 'key', nullif('{key}', ''),
                                        'keep', {keep}, 'input', jsonb_build_object('method', 'POST'))"
                )
            })
            .collect();
        ask(&format!(
            "SELECT (count(s.execution_id), count(DISTINCT s.execution_id)) FROM automations.webhooks w,
                    LATERAL automations.start_webhooks(jsonb_build_array({})) s",
            calls.join(", ")
        ))
    }

    #[pg_test]
    fn calls_start_executions_once_for_each_key_and_are_kept_when_asked() -> Outcome {
        stage::set()?;
        assert_eq!(save(SIGNED)?, "00000");
        stage::as_daemon()?;
        assert_eq!(
            call(
                &[("b", true), ("a", true), ("", false), ("", true), ("a", true)],
                1
            )?,
            "(5,4)"
        );
        assert_eq!(call(&[("a", true), ("c", false)], 1)?, "(2,2)");
        assert_eq!(call(&[("d", true)], 2)?, "(0,0)");
        assert_eq!(ask("SELECT count(*) FROM automations.start_webhooks('[]')")?, "0");
        stage::as_superuser()?;
        assert_eq!(
            ask(
                "SELECT (count(*), count(*) FILTER (WHERE trigger_type = 'webhook' AND status = 'pending'
                           AND trigger_data = '{\"method\": \"POST\"}')) FROM public.automation_executions"
            )?,
            "(5,5)"
        );
        assert_eq!(
            ask("SELECT (count(*), count(DISTINCT correlation_id), min(event), min(source), count(delivered_at))
                   FROM public.automation_events")?,
            "(3,3,orders/new,webhook,3)"
        );
        Ok(())
    }

    #[pg_test]
    fn a_stopped_webhook_goes_on_being_called_and_a_paused_one_does_not() -> Outcome {
        stage::set()?;
        assert_eq!(save(SIGNED)?, "00000");
        assert_eq!(change("status = 'error'")?, "00000");
        stage::as_daemon()?;
        assert_eq!(call(&[("a", false)], 1)?, "(1,1)");
        assert_eq!(
            ask(
                "SELECT (c.automation_id IS NULL, c.now_ms > 1700000000000) FROM automations.webhook('x', 'orders/new') c"
            )?,
            "(t,t)"
        );
        assert_eq!(
            ask("SELECT (SELECT (c.version, c.config::jsonb ->> 'path') FROM automations.webhook(n.name, 'orders/new') c)
                   FROM automations.account_names n")?,
            "(1,/orders/new/)"
        );
        Spi::run(
            "SELECT automations.count_webhook_calls(ARRAY[w.automation_id, gen_random_uuid()], '{3,9}', '{60000,0}')
               FROM automations.webhooks w;
             SELECT automations.count_webhook_calls(ARRAY[w.automation_id], '{4}', '{90000}') FROM automations.webhooks w",
        )?;
        assert_eq!(
            ask(
                "SELECT (calls, round(extract(epoch FROM clock_timestamp() - last_called_at) / 30))
                   FROM automations.webhook_calls"
            )?,
            "(7,2)"
        );
        Ok(())
    }
}
