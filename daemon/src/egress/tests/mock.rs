//! A web server for tests: listens on every address of this machine, counts connections, keeps requests, and
//! answers with whatever bytes the test wants.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Barrier;
use tokio::task::JoinHandle;

/// How a request is answered.
pub(crate) enum Reply {
    /// These bytes, then the connection is closed.
    Bytes(Vec<u8>),
    /// These bytes, once as many as the barrier says wait for theirs; then the next request of the same connection.
    Together(Arc<Barrier>, Vec<u8>),
    /// These bytes, then nothing, with the connection open.
    Stall(Vec<u8>),
    /// These bytes, then the second ones for ever.
    Endless(Vec<u8>, Vec<u8>),
}

/// The running server; stops when dropped.
pub(crate) struct Mock {
    /// The port it listens on.
    pub(crate) port: u16,
    connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Mock {
    /// Starts a server; `answer` gets the request as text (head and body).
    pub(crate) async fn start(answer: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Mock {
        let everywhere: [SocketAddr; 2] = [
            (Ipv6Addr::UNSPECIFIED, 0).into(),
            (Ipv4Addr::UNSPECIFIED, 0).into(),
        ];
        let listener = TcpListener::bind(&everywhere[..]).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (connections, requests) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
        let (counted, kept, answer) = (Arc::clone(&connections), Arc::clone(&requests), Arc::new(answer));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                let (kept, answer) = (Arc::clone(&kept), Arc::clone(&answer));
                tokio::spawn(async move { serve(stream, &kept, &*answer).await });
            }
        });
        Mock {
            port,
            connections,
            requests,
            task,
        }
    }

    /// A server that gives every request this status line, headers and body.
    pub(crate) async fn answering(status: &str, headers: &str, body: &str) -> Mock {
        let reply = response(status, headers, body);
        Mock::start(move |_| Reply::Bytes(reply.clone())).await
    }

    /// Connections accepted so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// The requests so far, as text.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// A URL of this server by its loopback address.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The entry of `--allow-hosts` that lifts the refusal for [`Mock::url`].
    pub(crate) fn allowed(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An answer with its length; `headers` are lines that each end with `\r\n`.
pub(crate) fn response(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{headers}connection: close\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

async fn serve(
    mut stream: TcpStream,
    kept: &Mutex<Vec<String>>,
    answer: &(dyn Fn(&str) -> Reply + Send + Sync),
) {
    while let Some(request) = read(&mut stream).await {
        kept.lock().unwrap().push(request.clone());
        if !replied(&mut stream, answer(&request)).await {
            return;
        }
    }
}

/// Whether the connection stays open.
async fn replied(stream: &mut TcpStream, reply: Reply) -> bool {
    match reply {
        Reply::Bytes(bytes) => {
            let _ = stream.write_all(&bytes).await;
        }
        Reply::Together(others, bytes) => {
            others.wait().await;
            return stream.write_all(&bytes).await.is_ok();
        }
        Reply::Stall(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.read(&mut [0]).await; // until the client gives up
        }
        Reply::Endless(start, more) => {
            let mut open = stream.write_all(&start).await.is_ok();
            while open {
                open = stream.write_all(&more).await.is_ok();
            }
        }
    }
    false
}

/// Reads one request: its head, and as much body as its `content-length` says.
async fn read(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if bytes.first() == Some(&0x16) {
            return Some(text); // the hello of a TLS client
        }
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return Some(text);
            }
        }
        let mut piece = [0; 4096];
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => bytes.extend_from_slice(&piece[..read]),
        }
    }
}
