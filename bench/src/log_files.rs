//! The server's log as it is on a server that has run for a while: its files are there and are used again. A new server
//! makes each of them when it is needed, 16 MiB of zeros and a flush, while every commit waits: 20 to 90 ms of which nothing
//! is the product's. As many are made before the first measure as `min_wal_size` keeps.

use end_to_end::cluster;
use tokio_postgres::Client;

/// Fills as many files of log as the server keeps; the checkpoint makes them ready to be used again.
pub async fn make() {
    let server = cluster::connect("postgres", "postgres").await;
    for _ in 0..kept(&server).await {
        run(&server, "SELECT pg_logical_emit_message(false, 'bench', '')").await;
        run(&server, "SELECT pg_switch_wal()").await;
    }
    run(&server, "CHECKPOINT").await;
}

async fn kept(server: &Client) -> i64 {
    let query = "SELECT pg_size_bytes(current_setting('min_wal_size')) / pg_size_bytes(current_setting('wal_segment_size'))";
    server.query_one(query, &[]).await.expect(query).get(0)
}

async fn run(server: &Client, statement: &str) {
    server.batch_execute(statement).await.expect(statement);
}
