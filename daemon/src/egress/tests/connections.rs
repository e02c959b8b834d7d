//! Which connections are kept for the next requests.

use std::sync::Arc;

use futures_util::future::join_all;
use tokio::sync::Barrier;

use super::mock::{Mock, Reply};
use super::{AT_ONCE, client, get};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

#[tokio::test]
async fn what_groups_of_requests_need_at_once_is_connected_once() {
    let all_there = Arc::new(Barrier::new(AT_ONCE));
    let server = Mock::start(move |_| Reply::Together(all_there.clone(), ANSWER.into())).await;
    let client = client(&server.allowed(), &[]);
    for _ in 0..3 {
        let requests = (0..AT_ONCE).map(|_| client.send(get(&server.url("/"))));
        for answer in join_all(requests).await {
            assert_eq!(answer.unwrap().body, "ok");
        }
        // connections go back by tasks that are ready now, on this thread
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(server.connections(), AT_ONCE);
}
