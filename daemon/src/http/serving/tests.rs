//! Connections that say nothing, little, or too much.

use axum::routing::{get, post};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

async fn served(most: usize, head: Duration) -> (SocketAddr, CancellationToken, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = Router::new()
        .route("/", get(|| async { "here" }))
        .route("/slow", post(|body: String| async move { body }));
    let over = CancellationToken::new();
    let task = tokio::spawn(serve_at_most(listener, app, over.clone(), most, head));
    (address, over, task)
}

async fn ask(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn connections_that_say_nothing_make_room_for_those_that_ask() {
    let (address, _over, _task) = served(8, Duration::from_secs(3_600)).await;
    let mut silent = Vec::new();
    for _ in 0..40 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let _ = stream.write_all(b"GET / HT").await;
        silent.push(stream);
        if silent.len() % 10 == 0 {
            assert!(ask(address).await.contains("here"));
        }
    }
}

#[tokio::test]
async fn a_head_that_does_not_end_and_a_silent_connection_are_closed() {
    let (address, _over, _task) = served(8, Duration::from_millis(50)).await;
    for said in [
        "",
        "GET / HTTP/1.1\r\nHost: x\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(said.as_bytes()).await.unwrap();
        let mut answer = String::new();
        // ends only when the server closes
        let _ = stream.read_to_string(&mut answer).await;
        assert_eq!(
            answer.contains("here"),
            said.ends_with("\r\n\r\n"),
            "{said:?}: {answer}"
        );
    }
}

#[tokio::test]
async fn what_is_being_answered_when_it_is_over_is_answered() {
    let (address, over, task) = served(8, Duration::from_secs(3_600)).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = b"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n";
    stream.write_all(head).await.unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 100", "the body is being read");
    over.cancel();
    stream.write_all(b"body").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains("200 OK") && answer.ends_with("body"), "{answer}");
    task.await.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

#[test]
fn there_are_as_many_as_there_may_be_open_files() {
    let line =
        |files: &str| format!("Limit Soft Hard Units\nMax open files            {files}   4096  files\n");
    assert_eq!(most(Some(&line("1024"))), 768);
    assert_eq!(most(Some(&line("64"))), 16);
    assert_eq!(most(Some(&line("1048576"))), MOST);
    assert_eq!(most(Some(&line("unlimited"))), MOST);
    assert_eq!(most(None), MOST);
}

#[tokio::test]
async fn a_stream_that_is_being_sent_keeps_its_place_however_silent_it_is() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let go_on = Arc::new(Notify::new());
    let told = go_on.clone();
    let events = move || {
        let told = told.clone();
        async move {
            let rest = futures_util::stream::once(async move {
                told.notified().await;
                Ok::<_, Infallible>("the end")
            });
            Body::from_stream(rest)
        }
    };
    let app = Router::new()
        .route("/", get(|| async { "here" }))
        .route("/events", get(events));
    let over = CancellationToken::new();
    let _task = tokio::spawn(serve_at_most(listener, app, over, 8, Duration::from_secs(3_600)));
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = b"GET /events HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    stream.write_all(head).await.unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).await.unwrap();
    let mut silent = Vec::new();
    for _ in 0..40 {
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    assert!(ask(address).await.contains("here"));
    go_on.notify_one();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.unwrap();
    assert!(rest.contains("the end"), "{rest}");
}
