//! `setup/cluster run` leaves nothing behind, however it ends.

use end_to_end::daemon::signal;
use end_to_end::own_cluster::OwnCluster;

async fn ended_by(name: &str) {
    let mut cluster = OwnCluster::start(&[]).await;
    assert!(cluster.left_something(), "it is up");
    let pid = cluster.program.id().expect("a running program");

    signal(pid, name).await;

    cluster.gone().await;
}

#[tokio::test]
async fn an_interrupted_cluster_leaves_no_server_and_no_folder() {
    ended_by("INT").await;
}

#[tokio::test]
async fn a_terminated_cluster_leaves_no_server_and_no_folder() {
    ended_by("TERM").await;
}

#[tokio::test]
async fn a_killed_cluster_leaves_no_server_and_no_folder() {
    ended_by("KILL").await;
}
