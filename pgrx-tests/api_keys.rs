//! API keys: made once, stored as a hash, seen by their account, good while they are.

#[pgrx::pg_schema]
mod tests {
    use crate::tests::stage::{self, Outcome, ask, state_of};
    use pgrx::prelude::*;

    /// Ada's agent.
    const AGENT: &str = "a0000000-0000-4000-8000-000000000010";

    fn made(agent: &str, rest: &str) -> Result<flow::ApiKey, pgrx::spi::Error> {
        let text = ask(&["automations.create_api_key(", agent, ", 'test'", rest, ")"].concat())?;
        flow::ApiKey::parse(&text).ok_or(pgrx::spi::Error::InvalidPosition)
    }

    fn agents() -> String {
        ["'", AGENT, "'"].concat()
    }

    fn usable(key: &flow::ApiKey) -> Result<String, pgrx::spi::Error> {
        stage::as_daemon()?;
        ask(&[
            "SELECT (usable, encode(hash, 'hex'), account_id, scopes) FROM automations.api_key('",
            key.id(),
            "')",
        ]
        .concat())
    }

    #[pg_test]
    fn a_key_is_shown_once_and_stored_as_a_hash() -> Outcome {
        stage::set()?;
        stage::as_user(stage::ADA)?;
        let key = made(&agents(), "")?;
        stage::as_superuser()?;
        assert_eq!(
            ask(&[
                "SELECT count(*) FROM public.automation_api_keys k WHERE k::text LIKE '%",
                &key.reveal()[22..],
                "%'"
            ]
            .concat())?,
            "0"
        );
        let hash: String = key.hash().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            usable(&key)?,
            ["(t,", &hash, ",", stage::ADA, ",\"{tools:read,tools:call}\")"].concat()
        );
        assert_eq!(
            state_of(&["SELECT automations.create_api_key('", AGENT, "', 'x')"].concat())?,
            "42501",
            "the daemon makes no keys"
        );
        Ok(())
    }

    #[pg_test]
    fn only_who_may_act_for_the_agent_makes_a_key() -> Outcome {
        stage::set()?;
        stage::as_user(stage::BOB)?;
        let create = |agent: &str| ["SELECT automations.create_api_key(", agent, ", 'x')"].concat();
        assert_eq!(state_of(&create(&agents()))?, "P0002");
        assert_eq!(state_of(&create("gen_random_uuid()"))?, "P0002");
        let own = made("NULL", "")?;
        assert!(usable(&own)?.contains(stage::BOB));
        stage::as_superuser()?;
        Spi::run("SELECT set_config('request.jwt.claims', '', true); SET LOCAL ROLE service_role")?;
        assert_eq!(state_of(&create("NULL"))?, "22023");
        assert_eq!(state_of(&create(&agents()))?, "00000");
        Ok(())
    }

    #[pg_test]
    fn members_see_name_revoke_and_delete_their_keys_and_never_the_hash() -> Outcome {
        stage::set()?;
        stage::as_user(stage::ADA)?;
        let key = made(&agents(), "")?;
        assert_eq!(
            ask("SELECT prefix FROM public.automation_api_keys")?,
            key.prefix()
        );
        for refused in [
            "SELECT hash FROM public.automation_api_keys",
            "SELECT * FROM public.automation_api_keys",
            "UPDATE public.automation_api_keys SET expires_at = NULL",
            "UPDATE public.automation_api_keys SET account_id = account_id",
            "INSERT INTO public.automation_api_keys DEFAULT VALUES",
        ] {
            assert_eq!(state_of(refused)?, "42501", "{refused}");
        }
        stage::as_user(stage::BOB)?;
        assert_eq!(ask("SELECT count(id) FROM public.automation_api_keys")?, "0");
        Spi::run(
            "UPDATE public.automation_api_keys SET revoked_at = now(); DELETE FROM public.automation_api_keys",
        )?;
        assert!(usable(&key)?.starts_with("(t,"));
        stage::as_user(stage::ADA)?;
        Spi::run("UPDATE public.automation_api_keys SET name = 'n', revoked_at = now()")?;
        assert!(usable(&key)?.starts_with("(f,"));
        stage::as_user(stage::ADA)?;
        Spi::run("UPDATE public.automation_api_keys SET revoked_at = NULL")?;
        assert!(usable(&key)?.starts_with("(f,"), "it stays revoked");
        stage::as_user(stage::ADA)?;
        Spi::run("DELETE FROM public.automation_api_keys")?;
        assert_eq!(usable(&key)?, "");
        Ok(())
    }

    #[pg_test]
    fn a_key_ends_with_its_time_and_with_the_transfer_of_its_agent() -> Outcome {
        stage::set()?;
        stage::as_user(stage::ADA)?;
        let old = made(&agents(), ", expires_at => now() - interval '1 second'")?;
        let soon = made(&agents(), ", expires_at => now() + interval '1 hour'")?;
        assert!(usable(&old)?.starts_with("(f,"));
        assert!(usable(&soon)?.starts_with("(t,"));
        stage::as_superuser()?;
        Spi::run(
            &[
                "DELETE FROM public.automations; UPDATE public.agents SET user_id = '",
                stage::BOB,
                "' WHERE id = '",
                AGENT,
                "'",
            ]
            .concat(),
        )?;
        assert!(usable(&soon)?.starts_with("(f,"));
        stage::as_superuser()?;
        Spi::run(&["DELETE FROM public.agents WHERE id = '", AGENT, "'"].concat())?;
        assert_eq!(usable(&soon)?, "");
        Ok(())
    }

    #[pg_test]
    fn scopes_are_known_words() -> Outcome {
        stage::set()?;
        stage::as_user(stage::ADA)?;
        for scopes in ["'{}'", "'{admin}'", "'{tools:read,NULL}'"] {
            let create = [
                "SELECT automations.create_api_key('",
                AGENT,
                "', 'x', ",
                scopes,
                ")",
            ]
            .concat();
            assert_eq!(state_of(&create)?, "22023", "{scopes}");
        }
        let key = made(&agents(), ", ARRAY['tools:read']")?;
        assert!(usable(&key)?.ends_with(",{tools:read})"));
        Ok(())
    }

    #[pg_test]
    fn the_last_use_is_noted_once_a_minute() -> Outcome {
        stage::set()?;
        stage::as_user(stage::ADA)?;
        made(&agents(), "")?;
        stage::as_daemon()?;
        let note = "SELECT automations.use_api_key(k.id) FROM public.automation_api_keys k";
        assert_eq!((ask(note)?.as_str(), ask(note)?.as_str()), ("1", "0"));
        Ok(())
    }
}
