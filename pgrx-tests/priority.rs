//! Priorities: who comes first within an account, by whatever way an execution is started.

#[pgrx::pg_schema]
mod tests {
    use crate::tests::stage::{self, Outcome, ask};
    use pgrx::prelude::*;

    fn prioritize(name: &str, priority: i32) -> Outcome {
        Spi::run_with_args(
            "UPDATE public.automations SET options = jsonb_build_object('priority', $2) WHERE name = $1",
            &[name.into(), priority.into()],
        )
    }

    #[pg_test]
    fn higher_priority_comes_first_and_then_what_is_older() -> Outcome {
        stage::set()?;
        Spi::run(
            "SELECT pg_temp.queue(6);
             UPDATE automations.queue q SET priority = p.priority
               FROM (SELECT id, (ARRAY[0, -3, 7, 0, 7, -1])[row_number() OVER (ORDER BY id)] AS priority
                       FROM automations.queue) p
              WHERE p.id = q.id;
             CREATE TEMP TABLE claimed (n serial, id uuid)",
        )?;
        for _ in 0..6 {
            Spi::run("INSERT INTO claimed (id) SELECT * FROM pg_temp.claim(1)")?;
        }
        assert_eq!(
            ask("SELECT array_agg(o.place ORDER BY c.n)
                   FROM claimed c JOIN (SELECT id, row_number() OVER (ORDER BY id) AS place FROM automations.queue) o USING (id)")?,
            "{3,5,1,4,6,2}"
        );
        Ok(())
    }

    #[pg_test]
    fn one_claim_of_many_takes_them_in_the_order_of_priority() -> Outcome {
        stage::set()?;
        Spi::run(
            "SELECT pg_temp.queue(300);
             UPDATE automations.queue SET priority = 1 WHERE id IN (
                SELECT id FROM automations.queue ORDER BY id DESC LIMIT 30);
             UPDATE automations.queue SET priority = -1 WHERE id IN (
                SELECT id FROM automations.queue ORDER BY id LIMIT 30)",
        )?;
        assert_eq!(
            ask("SELECT array_agg(g.n ORDER BY g.priority DESC) FROM (
                    SELECT q.priority, count(*) AS n FROM pg_temp.turn(290) t
                      JOIN automations.queue q ON q.id = t.id GROUP BY q.priority) g")?,
            "{30,240,20}"
        );
        Ok(())
    }

    #[pg_test]
    fn a_captured_change_carries_the_priority_of_its_automation() -> Outcome {
        stage::set()?;
        prioritize("New lead", 40000)?;
        Spi::run_with_args(
            "INSERT INTO public.leads (user_id, name) VALUES ($1::uuid, 'x')",
            &[stage::ADA.into()],
        )?;
        assert_eq!(ask("SELECT priority FROM automations.pending")?, "32000");
        Ok(())
    }

    #[pg_test]
    fn so_does_what_run_starts_and_what_an_application_inserts() -> Outcome {
        stage::set()?;
        prioritize("New lead", 3)?;
        Spi::run_with_args("SELECT automations.run($1::uuid);", &[stage::NEW_LEAD.into()])?;
        Spi::run_with_args(
            "INSERT INTO public.automation_executions (id, automation_id, trigger_type)
             VALUES (gen_random_uuid(), $1::uuid, 'manual')",
            &[stage::NEW_LEAD.into()],
        )?;
        assert_eq!(ask("SELECT array_agg(priority) FROM automations.queue")?, "{3,3}");
        Ok(())
    }

    #[pg_test]
    fn priority_survives_parking_and_being_handed_back() -> Outcome {
        stage::set()?;
        prioritize("New lead", 3)?;
        Spi::run_with_args("SELECT automations.run($1::uuid)", &[stage::NEW_LEAD.into()])?;
        Spi::run(
            "SELECT pg_temp.claim(1);
             SELECT automations.release(ARRAY[q.account_id], ARRAY[q.id], ARRAY[q.lease_token]) FROM automations.queue q;
             SELECT pg_temp.claim(1);
             SELECT automations.park(q.account_id, q.id, q.lease_token, 0, '[]', NULL, NULL) FROM automations.queue q;
             SELECT automations.unpark(10)",
        )?;
        assert_eq!(ask("SELECT priority FROM automations.queue")?, "3");
        Ok(())
    }

    #[pg_test]
    fn the_position_in_the_queue_counts_what_has_a_higher_priority() -> Outcome {
        stage::set()?;
        Spi::run(
            "SELECT pg_temp.queue(3); UPDATE automations.queue SET priority = 1 WHERE id = (
                  SELECT id FROM automations.queue ORDER BY id DESC LIMIT 1)",
        )?;
        assert_eq!(
            ask("SELECT array_agg(automations.queue_position(q.id) ORDER BY q.id) FROM automations.queue q")?,
            "{2,3,1}"
        );
        Ok(())
    }

    #[pg_test]
    fn accounts_take_turns_whatever_priority_one_of_them_gives_itself() -> Outcome {
        stage::set()?;
        Spi::run(
            "SELECT pg_temp.queue(100); UPDATE automations.queue SET priority = 9;
             INSERT INTO automations.queue (account_id, automation_id, version, trigger_type, test_mode)
             SELECT gen_random_uuid(), a.id, 1, 'manual', true FROM public.automations a WHERE a.name = 'New lead'",
        )?;
        assert_eq!(
            ask("SELECT count(DISTINCT t.account_id) FROM pg_temp.turn(2) t")?,
            "2"
        );
        Ok(())
    }
}
