//! Histories and automations by the hundred thousand: written as they would lie there, and not one after the other
//! by the product, which would take longer than all that is measured.

use crate::stage::Stage;

impl Stage {
    /// So many completed executions of three steps each, spread over the week that began so many weeks ago.
    pub async fn history(&self, count: i32, weeks_ago: i32) {
        self.as_superuser("SET session_replication_role = replica").await;
        let automation = self
            .superuser
            .query_opt(
                "SELECT id FROM public.automations WHERE user_id = $1 LIMIT 1",
                &[&self.account.user],
            )
            .await
            .expect("an automation")
            .expect("the account has an automation")
            .get::<_, uuid::Uuid>(0);
        let week = "SELECT automations.make_partition(t.parent::regclass, t.fallback::regclass, t.prefix, t.key,
                date_trunc('week', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' - $1 * interval '7 days')
            FROM (VALUES ('public.automation_executions', 'automations.executions_default', 'executions', 'id'::name),
                         ('automations.steps', 'automations.steps_default', 'steps', 'execution_id'))
                AS t (parent, fallback, prefix, key)";
        // as the owner, to whom they have to belong
        self.database
            .owner
            .execute(week, &[&f64::from(weeks_ago)])
            .await
            .expect("the partitions of a week");
        self.superuser
            .execute(
                include_str!("../sql/history.sql"),
                &[&automation, &self.account.user, &count, &f64::from(weeks_ago)],
            )
            .await
            .expect("write a history");
        self.as_superuser("RESET session_replication_role").await;
        self.as_superuser("ANALYZE public.automation_executions, automations.steps")
            .await;
    }

    /// So many automations of an account, none of which wants a new lead.
    pub async fn automations_that_want_others(&self, account: &end_to_end::Account, count: i32) {
        self.as_superuser("SET session_replication_role = replica").await;
        self.superuser
            .execute(
                include_str!("../sql/automations.sql"),
                &[&account.user, &account.agent, &count],
            )
            .await
            .expect("write automations");
        self.as_superuser("RESET session_replication_role").await;
    }

    /// Tells capture about them.
    pub async fn listen_to_all(&self) {
        self.as_superuser("SELECT automations.set_listeners(NULL)").await;
        self.as_superuser("ANALYZE public.automations, automations.listeners")
            .await;
    }
}
