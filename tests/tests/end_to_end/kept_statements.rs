//! What a session of the daemon keeps for database nodes, while other sessions change what it was made by.

use end_to_end::{Account, Database, cluster, template};
use tokio_postgres::error::SqlState;

#[tokio::test]
async fn the_name_of_a_table_that_an_old_snapshot_shows_is_not_remembered() {
    let database = Database::fresh().await;
    let account = Account::new(&database).await;
    let lead = account.lead(&database, "Ada").await;
    database
        .run(
            "CREATE TABLE public.other_leads (LIKE public.leads INCLUDING ALL);
             INSERT INTO public.other_leads SELECT * FROM public.leads;
             GRANT ALL ON public.other_leads TO authenticated",
        )
        .await;
    let daemon = cluster::connect(&database.name, template::DAEMON).await;
    let user = account.user;
    let become_tenant =
        format!("SELECT automations.become_tenant('{user}', gen_random_uuid(), 0::smallint, 500, 30000)");
    let rename = |name: &str| {
        format!(
            "SELECT automations.node_update_lead('{user}', '{lead}', '{{\"name\": \"{name}\"}}', false); COMMIT"
        )
    };
    let begin = format!("BEGIN ISOLATION LEVEL REPEATABLE READ; {become_tenant}");
    daemon.batch_execute(&begin).await.unwrap();
    database
        .run("UPDATE automations.sources SET tab = 'public.other_leads' WHERE source = 'lead'")
        .await;
    daemon.batch_execute(&rename("Grace")).await.unwrap();
    let again = format!("BEGIN; {become_tenant}; {}", rename("Mary"));
    daemon.batch_execute(&again).await.unwrap();
    let name = "SELECT name FROM public.other_leads WHERE id = $1";
    assert_eq!(database.value::<String>(name, &[&lead]).await, "Mary");
}

#[tokio::test]
async fn a_tenant_role_that_another_session_gives_more_rights_is_refused_at_once() {
    let database = Database::fresh().await;
    let superuser = database.superuser().await;
    let role = format!("tenant_of_{}", database.name);
    let named = format!(
        "CREATE ROLE {role}; GRANT {role} TO automations_daemon;
         UPDATE automations.settings SET value = to_jsonb('{role}'::text) WHERE name = 'tenant_role'"
    );
    superuser.batch_execute(&named).await.unwrap();
    let daemon = cluster::connect(&database.name, template::DAEMON).await;
    let become_tenant =
        "SELECT automations.become_tenant(gen_random_uuid(), gen_random_uuid(), 0::smallint, 500, 30000)";
    for (begin, may, becomes) in [
        ("BEGIN", "NOBYPASSRLS", true),
        ("BEGIN", "BYPASSRLS", false),
        ("BEGIN", "NOBYPASSRLS", true),
        // also where what it shows is older than the change, and nothing of that is remembered
        (
            "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1",
            "BYPASSRLS",
            false,
        ),
        ("BEGIN", "BYPASSRLS", false),
    ] {
        daemon.batch_execute(begin).await.unwrap();
        let altered = format!("ALTER ROLE {role} {may}");
        superuser.batch_execute(&altered).await.unwrap();
        let became = daemon.query_one(become_tenant, &[]).await;
        daemon.batch_execute("ROLLBACK").await.unwrap();
        match became {
            Ok(row) => assert!(becomes && row.get::<_, String>(0) == role, "{may}"),
            Err(error) => assert!(
                !becomes && error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE),
                "{error:?}"
            ),
        }
    }
    superuser
        .batch_execute(&format!("DROP ROLE {role}"))
        .await
        .unwrap();
}
