//! The application's rows: which of them are held, and by what name they are known.

#[pgrx::pg_schema]
mod tests {
    use crate::tests::stage::{self, ADA, ALAN, BOB, NEW_LEAD, Outcome, ask};
    use pgrx::prelude::*;

    const NOBODY: &str = "00000000-0000-4000-8000-000000000099";

    #[pg_test]
    fn a_lead_is_held_for_its_account_and_for_no_other() -> Outcome {
        stage::set()?;
        stage::as_daemon()?;
        let held = |account: &str, lead: &str| {
            ask(&format!("SELECT automations.is_held('{account}', {lead}, NULL)"))
        };
        assert_eq!(held(ADA, &format!("'{ALAN}'"))?, "true");
        assert_eq!(held(BOB, &format!("'{ALAN}'"))?, "false", "it is Ada's");
        assert_eq!(held(ADA, &format!("'{NOBODY}'"))?, "false", "it is not there");
        assert_eq!(held(ADA, "NULL")?, "true", "nothing is asked for");
        assert_eq!(
            ask(&format!(
                "SELECT string_agg(h::text, ' ') FROM automations.hold_host(ARRAY['{NOBODY}', '{ALAN}']::uuid[], '{{}}') h"
            ))?,
            format!("(lead,{ALAN},t,{ADA})")
        );
        Ok(())
    }

    #[pg_test]
    fn all_are_held_only_if_each_is_there() -> Outcome {
        stage::set()?;
        stage::as_daemon()?;
        let all = |automations: &str, leads: &str| {
            ask(&format!(
                "SELECT automations.all_held(ARRAY[{automations}]::uuid[], ARRAY[{leads}]::uuid[], '{{}}')"
            ))
        };
        let (automation, lead, nobody) = (
            format!("'{NEW_LEAD}'"),
            format!("'{ALAN}'"),
            format!("'{NOBODY}'"),
        );
        assert_eq!(all(&automation, &lead)?, "true");
        assert_eq!(all(&automation, "")?, "true");
        assert_eq!(all(&nobody, &lead)?, "false");
        assert_eq!(all(&automation, &format!("{lead}, {nobody}"))?, "false");
        Ok(())
    }

    #[pg_test]
    fn rows_are_held_in_the_tables_that_were_named_last() -> Outcome {
        stage::set()?;
        let of = format!("SELECT h.account_id FROM automations.hold_host(ARRAY['{ALAN}']::uuid[], '{{}}') h");
        assert_eq!(ask(&of)?, ADA);
        Spi::run(&format!(
            "CREATE TABLE public.\"Other leads\" (id uuid PRIMARY KEY, user_id uuid);
             INSERT INTO public.\"Other leads\" VALUES ('{ALAN}', '{BOB}');
             UPDATE automations.settings SET value = '\"public.\\\"Other leads\\\"\"' WHERE name = 'leads';
             CREATE OR REPLACE FUNCTION automations.account_of_lead(lead_id uuid) RETURNS uuid
             LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
             'SELECT l.user_id FROM public.\"Other leads\" l WHERE l.id = lead_id'"
        ))?;
        assert_eq!(ask(&of)?, BOB);
        Ok(())
    }
}
