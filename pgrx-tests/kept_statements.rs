//! The statements of database nodes are kept by each backend, and nothing that they were made from changes unnoticed.

#[pgrx::pg_schema]
mod tests {
    use crate::tests::stage::{self, Outcome, ask, state_of};
    use pgrx::prelude::*;

    fn db(config: &str) -> String {
        ["SELECT automations.node_db('", stage::ADA, "', '", config, "')"].concat()
    }

    /// Sets something of a lead of Ada's; run twice, so that the second time it is kept.
    fn score(column: &str, value: &str) -> String {
        let id = stage::ALAN;
        [
            "SELECT automations.node_update_lead('",
            stage::ADA,
            "', '",
            id,
            "', '{\"",
            column,
            "\": ",
            value,
            "}', false) ->> '",
            column,
            "'",
        ]
        .concat()
    }

    fn as_ada() -> Outcome {
        stage::as_superuser()?;
        stage::as_tenant(stage::ADA)
    }

    fn as_owner(statement: &str) -> Outcome {
        stage::as_superuser()?;
        Spi::run(statement)?;
        as_ada()
    }

    #[pg_test]
    fn one_shape_serves_other_values_and_null_is_another_shape() -> Outcome {
        stage::set()?;
        as_ada()?;
        for value in ["1", "2", "\"3\"", "4"] {
            assert_eq!(ask(&score("score", value))?, value.trim_matches('"'));
        }
        let count = |filter: &str| {
            ask(&[
                "SELECT jsonb_array_length(automations.node_db('",
                stage::ADA,
                "', '{\"operation\": \"find\", ",
                "\"table\": \"leads\", \"where\": ",
                filter,
                "}') -> 'rows')",
            ]
            .concat())
        };
        for _ in 0..3 {
            assert_eq!(count(r#"{"phone": null}"#)?, "1");
            assert_eq!(count(r#"{"phone": "nobody has it"}"#)?, "0");
            assert_eq!(
                count(r#"[{"column": "score", "operator": "equals", "value": 4}]"#)?,
                "1"
            );
            assert_eq!(
                count(r#"[{"column": "score", "operator": "gt", "value": 4}]"#)?,
                "1"
            );
            assert_eq!(
                count(r#"[{"column": "score", "operator": "in", "value": [4, 40]}]"#)?,
                "2"
            );
            let refused = db(
                r#"{"operation": "find", "table": "leads", "where": [{"column": "score", "operator": "in", "value": 4}]}"#,
            );
            assert_eq!(state_of(&refused)?, "22023");
        }
        Ok(())
    }

    #[pg_test]
    fn a_table_that_is_allowed_no_more_is_refused_at_once() -> Outcome {
        stage::set()?;
        as_ada()?;
        let find = db(r#"{"operation": "find", "table": "leads", "where": {"score": 10}}"#);
        for _ in 0..2 {
            assert_eq!(state_of(&find)?, "00000");
            assert_eq!(state_of(&score("score", "10"))?, "00000");
        }
        as_owner("DELETE FROM automations.sources WHERE source = 'lead'")?;
        assert_eq!(state_of(&find)?, "42501");
        assert_eq!(state_of(&score("score", "10"))?, "42P01");
        as_owner("SELECT automations.allow_table('public.leads', 'id')")?;
        assert!(
            !ask(&find)?.contains("Alan"),
            "whose a row is has changed: no lead is an account"
        );
        Ok(())
    }

    #[pg_test]
    fn columns_types_and_names_may_change() -> Outcome {
        stage::set()?;
        as_ada()?;
        for _ in 0..2 {
            assert_eq!(ask(&score("score", "7"))?, "7");
        }
        as_owner("ALTER TABLE public.leads ALTER COLUMN score TYPE text")?;
        assert_eq!(ask(&score("score", "\"seven\""))?, "seven");
        as_owner("ALTER TABLE public.leads RENAME TO people")?;
        assert_eq!(ask(&score("score", "\"eight\""))?, "eight");
        as_owner(
            "ALTER TABLE public.people DROP COLUMN score;
             ALTER TABLE public.people ADD COLUMN score text GENERATED ALWAYS AS (name) STORED",
        )?;
        assert_eq!(state_of(&score("score", "\"ten\""))?, "428C9");
        Ok(())
    }

    #[pg_test]
    fn a_foreign_key_that_came_later_is_looked_at() -> Outcome {
        stage::set()?;
        Spi::run("ALTER TABLE public.leads ADD COLUMN like_lead uuid")?;
        as_ada()?;
        let francis = ["\"", stage::FRANCIS, "\""].concat();
        for _ in 0..2 {
            assert_eq!(ask(&score("like_lead", &francis))?, stage::FRANCIS);
        }
        as_owner(
            "UPDATE public.leads SET like_lead = NULL;
             ALTER TABLE public.leads ADD FOREIGN KEY (like_lead) REFERENCES public.leads (id)",
        )?;
        assert_eq!(state_of(&score("like_lead", &francis))?, "23503");
        Ok(())
    }

    #[pg_test]
    fn policies_and_roles_are_those_of_the_moment() -> Outcome {
        stage::set()?;
        as_ada()?;
        let find = db(r#"{"operation": "find", "table": "leads", "where": {"score": 10}}"#);
        for _ in 0..2 {
            assert!(ask(&find)?.contains("Alan"));
            assert_eq!(state_of(&score("score", "10"))?, "00000");
        }
        as_owner("CREATE POLICY nobody ON public.leads AS RESTRICTIVE USING (false)")?;
        assert_eq!(ask(&find)?, "{\"rows\": []}");
        assert_eq!(state_of(&score("score", "10"))?, "P0002");
        stage::as_superuser()?;
        assert!(ask(&find)?.contains("Alan"), "whom no policy binds");
        as_ada()?;
        assert_eq!(ask(&find)?, "{\"rows\": []}");
        as_owner("DROP POLICY nobody ON public.leads; REVOKE ALL ON public.leads FROM authenticated")?;
        assert_eq!(state_of(&find)?, "42501");
        assert_eq!(state_of(&score("score", "10"))?, "42501");
        Ok(())
    }

    #[pg_test]
    fn what_failed_is_made_anew_and_a_trigger_may_do_the_same_inside() -> Outcome {
        stage::set()?;
        as_ada()?;
        for _ in 0..3 {
            assert_eq!(state_of(&score("status", "\"no such status\""))?, "23514");
            assert_eq!(ask(&score("status", "\"hot\""))?, "hot");
        }
        as_owner(
            &[
                "CREATE FUNCTION public.also() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
                 IF NEW.status = 'won' THEN
                     PERFORM automations.node_update_lead('",
                stage::ADA,
                "', 'a0000000-0000-4000-8000-000000000021',
                         '{\"status\": \"lost\"}', false);
                 END IF;
                 RETURN NULL;
             END $$;
             CREATE TRIGGER also AFTER UPDATE ON public.leads FOR EACH ROW EXECUTE FUNCTION public.also()",
            ]
            .concat(),
        )?;
        for _ in 0..3 {
            assert_eq!(ask(&score("status", "\"won\""))?, "won");
            assert_eq!(
                ask("SELECT status FROM public.leads WHERE id = 'a0000000-0000-4000-8000-000000000021'")?,
                "lost"
            );
        }
        Ok(())
    }
}
