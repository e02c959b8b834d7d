//! watch(), unwatch() and allow_table(): what they accept, and what they say.

#[pgrx::pg_schema]
mod tests {
    use crate::tests::hearing::{count, hear};
    use crate::tests::stage::{self, Outcome, ask, state_of};
    use pgrx::prelude::*;

    #[pg_test]
    fn an_owner_is_found_by_a_path_with_quoted_names() -> Outcome {
        Spi::run(
            "CREATE SCHEMA shop;
             CREATE TABLE shop.\"Or ders\" (key text PRIMARY KEY, \"Own er\" uuid);
             CREATE TABLE shop.items (n int, \"order\" text REFERENCES shop.\"Or ders\");
             INSERT INTO shop.\"Or ders\" VALUES ('k', 'a0000000-0000-4000-8000-0000000000a1')",
        )?;
        hear(r#"{"event_source": "item", "event_type": "any"}"#)?;
        Spi::run("SELECT automations.watch('shop.items', 'item', '\"order\"->\"Or ders\".\"Own er\"')")?;
        assert_eq!(
            ask(
                "SELECT (owner_column, owner_table, owner_key, owner_value) FROM automations.sources
                  WHERE source = 'item'"
            )?,
            "(order,\"shop.\"\"Or ders\"\"\",key,\"Own er\")"
        );
        Spi::run("INSERT INTO shop.items VALUES (1, 'k'), (2, 'k'), (3, NULL)")?;
        assert_eq!(count()?, "2");
        Ok(())
    }

    #[pg_test]
    fn unwatch_makes_it_silent_and_watch_again_loud() -> Outcome {
        hear(r#"{"event_source": "lead", "event_type": "INSERT"}"#)?;
        let insert = "INSERT INTO public.leads (user_id) VALUES ('a0000000-0000-4000-8000-0000000000a1')";
        Spi::run("SELECT automations.unwatch('public.leads')")?;
        Spi::run(insert)?;
        assert_eq!(count()?, "0");
        Spi::run(
            "SELECT automations.watch('public.leads', 'lead'); SELECT automations.watch('public.leads', 'lead')",
        )?;
        Spi::run(insert)?;
        assert_eq!(count()?, "1");
        Ok(())
    }

    #[pg_test]
    fn what_cannot_be_watched_is_refused_with_a_reason() -> Outcome {
        stage::set()?;
        Spi::run(
            "CREATE TABLE public.t (id int, user_id text, owner uuid); CREATE VIEW public.v AS SELECT 1 AS user_id",
        )?;
        for (call, state) in [
            ("watch('public.t', 't')", "42804"),
            ("watch('public.t', 't', 'nobody')", "42703"),
            ("watch('public.t', 't', 'owner->nowhere.user_id')", "42P01"),
            ("watch('public.t', 't', 'owner->agents.nobody')", "42703"),
            ("watch('public.t', 'lead', 'owner')", "42710"),
            ("watch('public.t', 'event', 'owner')", "22023"),
            ("watch('public.t', 'T t', 'owner')", "22023"),
            ("watch('public.v', 'v')", "42809"),
            ("watch('public.automations', 'a')", "42809"),
            ("unwatch('public.t')", "42704"),
            ("watch('public.t', 't', 'owner')", "00000"),
            ("allow_table('public.t', NULL)", "22004"),
            ("allow_table('public.agents', 'user_id')", "00000"),
        ] {
            assert_eq!(
                state_of(&["SELECT automations.", call].concat())?,
                state,
                "{call}"
            );
        }
        Ok(())
    }

    #[pg_test]
    fn a_row_trigger_of_the_applications_own_queues_the_same_row_once() -> Outcome {
        hear(r#"{"event_source": "lead", "event_type": "any"}"#)?;
        Spi::run(
            "CREATE TABLE public.old_leads (LIKE public.leads INCLUDING ALL);
             CREATE TRIGGER own AFTER INSERT OR UPDATE ON public.old_leads FOR EACH ROW
                 EXECUTE FUNCTION public.fire_lead_automations();
             CREATE TRIGGER own AFTER INSERT OR UPDATE ON public.leads FOR EACH ROW
                 EXECUTE FUNCTION public.fire_lead_automations();
             GRANT ALL ON public.old_leads TO authenticated",
        )?;
        stage::as_user(stage::ADA)?;
        let insert = |table: &str| {
            Spi::run(
                &[
                    "INSERT INTO public.",
                    table,
                    " (user_id, name) VALUES
                ('a0000000-0000-4000-8000-0000000000a1', 'n')",
                ]
                .concat(),
            )
        };
        insert("old_leads")?;
        stage::as_superuser()?;
        assert_eq!(count()?, "1");
        assert_eq!(
            ask("SELECT trigger_data ->> 'table' FROM automations.queue")?,
            "old_leads"
        );
        insert("leads")?;
        assert_eq!(count()?, "2");
        Spi::run("UPDATE public.old_leads SET name = 'm'")?;
        assert_eq!(
            ask("SELECT trigger_data ->> 'changed' FROM automations.queue ORDER BY id DESC LIMIT 1")?,
            "[\"name\"]"
        );
        Ok(())
    }
}
