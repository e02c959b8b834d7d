//! A database of its own for each test: a clone of the template, gone when the test is over.

use tokio_postgres::Client;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::{cluster, template, waiting};

/// A test's own database, with a session of the application's owner.
pub struct Database {
    /// Its name on the server.
    pub name: String,
    /// A session of the owner of the tables: the application. Row level security does not bind an owner.
    pub owner: Client,
}

impl Database {
    /// A clone of the template, adopted: a clone is a copy, and a copy starts paused.
    pub async fn fresh() -> Database {
        Database::copy_of_template().await.adopted().await
    }

    /// As [`Database::fresh`], under a name that something else knows; whatever had it goes.
    pub async fn fresh_as(name: &str) -> Database {
        template::ensure().await;
        let server = cluster::connect("postgres", "postgres").await;
        server
            .batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
            .await
            .unwrap_or_else(|error| panic!("drop {name}: {error:?}"));
        Database::clone_as(name.to_owned()).await.adopted().await
    }

    async fn adopted(self) -> Database {
        self.owner
            .batch_execute("SELECT automations.adopt()")
            .await
            .expect("adopt the clone");
        self
    }

    /// As [`Database::fresh`], not adopted.
    pub async fn copy_of_template() -> Database {
        template::ensure().await;
        Database::clone_as(fresh_name()).await
    }

    async fn clone_as(name: String) -> Database {
        let server = cluster::connect("postgres", "postgres").await;
        let statement = format!(
            "CREATE DATABASE {name} TEMPLATE {} OWNER {}",
            template::NAME,
            template::OWNER
        );
        server
            .batch_execute(&statement)
            .await
            .unwrap_or_else(|error| panic!("{statement}: {error:?}"));
        Database {
            owner: cluster::connect(&name, template::OWNER).await,
            name,
        }
    }

    /// A database that was there when its server started, with everything installed in it.
    pub async fn first_of(name: &str) -> Database {
        let server = cluster::connect("postgres", "postgres").await;
        template::make_in(&server, name).await;
        Database {
            owner: cluster::connect(name, template::OWNER).await,
            name: name.to_owned(),
        }
    }

    /// A database with nothing in it.
    pub async fn empty() -> Database {
        template::ensure().await;
        let name = fresh_name();
        let server = cluster::connect("postgres", "postgres").await;
        let statement = format!("CREATE DATABASE {name} OWNER {}", template::OWNER);
        server
            .batch_execute(&statement)
            .await
            .unwrap_or_else(|error| panic!("{statement}: {error:?}"));
        Database {
            owner: cluster::connect(&name, template::OWNER).await,
            name,
        }
    }

    /// Another session of the owner.
    pub async fn another_session(&self) -> Client {
        cluster::connect(&self.name, template::OWNER).await
    }

    /// A session that may do anything: for what an administrator does.
    pub async fn superuser(&self) -> Client {
        cluster::connect(&self.name, "postgres").await
    }

    /// A session as PostgREST makes it: the tenant role, with the claims of this user.
    pub async fn as_tenant(&self, user_id: Uuid) -> Client {
        let session = self.superuser().await;
        session
            .execute(
                "SELECT set_config('request.jwt.claims', \
                    json_build_object('sub', $1::text, 'role', 'authenticated')::text, false)",
                &[&user_id.to_string()],
            )
            .await
            .expect("claims");
        session
            .batch_execute("SET ROLE authenticated")
            .await
            .expect("role");
        session
    }

    /// Runs statements as the owner.
    pub async fn run(&self, statements: &str) {
        self.owner
            .batch_execute(statements)
            .await
            .unwrap_or_else(|error| panic!("{statements}: {error:?}"));
    }

    /// One value of one row, as the owner.
    pub async fn value<T>(&self, query: &str, parameters: &[&(dyn ToSql + Sync)]) -> T
    where
        T: for<'a> tokio_postgres::types::FromSql<'a>,
    {
        let row = self.owner.query_one(query, parameters).await;
        row.unwrap_or_else(|error| panic!("{query}: {error:?}")).get(0)
    }

    /// A number, as the owner: `count(*)` and the like.
    pub async fn count(&self, query: &str) -> i64 {
        self.value(query, &[]).await
    }

    /// The daemons here are dead, and what they held is free at once: how long a lease lasts is shown elsewhere. Waits for
    /// the end of their sessions before, because what they had sent may still be done in the server, also a claim of what
    /// comes next, whose lease would have to lapse.
    pub async fn abandoned(&self) {
        let sessions = "SELECT count(*) FROM pg_stat_activity
                         WHERE datname = current_database() AND application_name LIKE 'automationd%'";
        waiting::until("the end of the daemons' sessions", || async {
            (self.count(sessions).await == 0).then_some(())
        })
        .await;
        self.run("UPDATE automations.queue SET lease_until = '-infinity' WHERE lease_token IS NOT NULL")
            .await;
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // Drop cannot wait for a future; psql can be waited for.
        let statement = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let output = cluster::program("psql", &["-qX", "-d", "postgres", "-c", &statement]);
        if !output.status.success() {
            eprintln!("{statement}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
}

fn fresh_name() -> String {
    format!("test_{}", Uuid::now_v7().simple())
}
