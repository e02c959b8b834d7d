//! The sample application: who sees what in it, and that its automations are real ones.

#[pgrx::pg_schema]
mod tests {
    use crate::tests::stage::{self, Outcome, ask};
    use pgrx::prelude::*;

    #[pg_test]
    fn installing_it_twice_changes_nothing() -> Outcome {
        stage::set()?;
        let count = "SELECT ((SELECT count(*) FROM public.leads), (SELECT count(*) FROM public.automations),
                     (SELECT count(*) FROM public.automation_versions), (SELECT count(*) FROM automations.sources),
                     (SELECT count(*) FROM pg_policy))";
        let before = ask(count)?;
        Spi::run("SELECT automations.install(sample_app => true)")?;
        assert_eq!(ask(count)?, before);
        Ok(())
    }

    #[pg_test]
    fn owners_and_members_see_their_account_and_nobody_else_does() -> Outcome {
        stage::set()?;
        let seen = "SELECT ((SELECT count(*) FROM public.leads), (SELECT count(*) FROM public.conversations),
                    (SELECT count(*) FROM public.agents), (SELECT count(*) FROM public.automations))";
        for (user, expected) in [
            (stage::ADA, "(2,1,1,3)"),
            ("c0000000-0000-4000-8000-0000000000c1", "(2,1,1,3)"),
            (stage::BOB, "(1,1,1,0)"),
            ("d0000000-0000-4000-8000-0000000000d1", "(0,0,0,0)"),
        ] {
            stage::as_user(user)?;
            assert_eq!(ask(seen)?, expected, "{user}");
        }
        Ok(())
    }

    #[pg_test]
    fn without_claims_nobody_is_signed_in() -> Outcome {
        stage::set()?;
        Spi::run("SELECT set_config('request.jwt.claims', '', true); SET LOCAL ROLE authenticated")?;
        assert_eq!(ask("SELECT count(*) FROM public.leads")?, "0");
        Ok(())
    }

    #[pg_test]
    fn its_three_automations_are_active_and_nothing_is_wrong_with_them() -> Outcome {
        stage::set()?;
        assert_eq!(
            ask(
                "SELECT count(*) FROM public.automations WHERE status = 'active' AND enabled AND version = 1"
            )?,
            "3"
        );
        assert_eq!(
            ask(
                "SELECT string_agg(v.message, '; ') FROM public.automations a, automations.validate(a.nodes, a.edges) v"
            )?,
            ""
        );
        Ok(())
    }

    #[pg_test]
    fn a_message_belongs_to_an_account_and_its_conversation_notes_it() -> Outcome {
        stage::set()?;
        stage::as_user(stage::ADA)?;
        Spi::run(
            "INSERT INTO public.messages (conversation_id, role, content)
                  VALUES ('a0000000-0000-4000-8000-000000000031', 'assistant', 'Hello')",
        )?;
        assert_eq!(
            ask(
                "SELECT (m.user_id, c.last_message_role, c.last_message_at = m.created_at)
                   FROM public.messages m JOIN public.conversations c ON c.id = m.conversation_id"
            )?,
            format!("({},assistant,t)", stage::ADA)
        );
        Ok(())
    }
}
