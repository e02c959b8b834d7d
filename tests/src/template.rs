//! The database that every test's own is a copy of: made once per cluster, then cloned in milliseconds.

use crate::cluster;

/// Its name; a cluster belongs to one run, so it never needs renewing.
pub const NAME: &str = "end_to_end_template";

/// Key of the advisory lock under which the first of the test processes makes it.
const LOCK: i64 = 7_346_101;

/// Owner of the application's tables: owns its database, is no superuser.
pub const OWNER: &str = "app_owner";

/// The login of the daemon: inherits `automations_daemon` and nothing else.
pub const DAEMON: &str = "daemon_login";

/// Makes the template database unless it is there.
pub async fn ensure() {
    let server = cluster::connect("postgres", "postgres").await;
    server
        .execute("SELECT pg_advisory_lock($1)", &[&LOCK])
        .await
        .expect("advisory lock");
    let ready = server
        .query_opt(
            "SELECT 1 FROM pg_database WHERE datname = $1 AND datistemplate",
            &[&NAME],
        )
        .await
        .expect("look for the template");
    if ready.is_none() {
        make(&server, NAME).await;
        // Only a finished template is marked; one that a killed process left is made anew.
        server
            .batch_execute(&format!("ALTER DATABASE {NAME} WITH IS_TEMPLATE true"))
            .await
            .expect("mark the template");
    }
    // The lock goes with the session.
}

/// Makes a database with the extension, its tables and the sample application, the way the README says.
pub async fn make(server: &tokio_postgres::Client, name: &str) {
    logins(server).await;
    for statement in [
        format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
        format!("CREATE DATABASE {name} OWNER {OWNER}"),
    ] {
        server
            .batch_execute(&statement)
            .await
            .unwrap_or_else(|error| panic!("{statement}: {error:?}"));
    }
    install(name).await;
}

/// The same in a database that is there.
pub async fn make_in(server: &tokio_postgres::Client, name: &str) {
    logins(server).await;
    let statement = format!("ALTER DATABASE {name} OWNER TO {OWNER}");
    server
        .batch_execute(&statement)
        .await
        .unwrap_or_else(|error| panic!("{statement}: {error:?}"));
    install(name).await;
}

/// The logins that belong to a server, not to a database.
async fn logins(server: &tokio_postgres::Client) {
    let password = cluster::password();
    for (login, attributes) in [(OWNER, "LOGIN CREATEROLE"), (DAEMON, "LOGIN")] {
        let statement = format!(
            "DO $$ BEGIN
                 IF to_regrole('{login}') IS NULL THEN CREATE ROLE {login} {attributes} PASSWORD '{password}'; END IF;
             END $$"
        );
        server
            .batch_execute(&statement)
            .await
            .unwrap_or_else(|error| panic!("{login}: {error:?}"));
    }
}

/// `CREATE EXTENSION` and `install()` as the owner, then the grant that makes a login the daemon's.
async fn install(name: &str) {
    let owner = cluster::connect(name, OWNER).await;
    for statement in [
        "CREATE EXTENSION automations",
        "SELECT automations.install(sample_app := true)",
    ] {
        owner
            .batch_execute(statement)
            .await
            .unwrap_or_else(|error| panic!("{statement}: {error:?}"));
    }
    let superuser = cluster::connect(name, "postgres").await;
    superuser
        .batch_execute(&format!("GRANT automations_daemon TO {DAEMON}"))
        .await
        .expect("grant the daemon's role");
}
