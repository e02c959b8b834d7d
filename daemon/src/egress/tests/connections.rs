//! Which connections are kept for the next requests.

use std::sync::Arc;

use futures_util::future::join_all;
use tokio::sync::Barrier;

use super::mock::{Mock, Reply};
use super::{client, get};

/// Requests of one group: some of those that may be kept.
const AT_ONCE: usize = 24;
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

#[tokio::test]
async fn the_connections_of_a_group_of_requests_are_kept_for_the_next() {
    let all_there = Arc::new(Barrier::new(AT_ONCE));
    let server = Mock::start(move |_| Reply::Together(all_there.clone(), ANSWER.into())).await;
    let client = client(&server.allowed(), &[]);
    for _ in 0..6 {
        let requests = (0..AT_ONCE).map(|_| client.send(get(&server.url("/"))));
        for answer in join_all(requests).await {
            assert_eq!(answer.unwrap().body, "ok");
        }
        // connections go back by tasks that are ready now, on this thread
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    // one that is not back yet when the next group begins is made once more
    let made = server.connections();
    assert!((AT_ONCE..2 * AT_ONCE).contains(&made), "{made}");
}
