//! A line to the database that breaks when it hurts most: a TCP proxy that lets a request through and drops the
//! answer, so that the client never learns whether it was done.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

use crate::cluster;

/// The simple query message that ends a transaction.
const COMMIT: &[u8] = b"Q\0\0\0\x0bCOMMIT\0";
/// Requests that look like a statement with parameters: bind, which is followed by execute and sync.
const BIND: u8 = b'B';

/// How often an answer is dropped; 0: never.
#[derive(Debug, Clone, Copy)]
pub struct Faults {
    /// One COMMIT in so many.
    pub commits: usize,
    /// One statement in so many of the others.
    pub statements: usize,
}

/// A running proxy; it ends with the runtime of the test.
pub struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    faults: Faults,
    commits: AtomicUsize,
    statements: AtomicUsize,
    dropped: AtomicUsize,
}

impl Proxy {
    /// In front of the server of the tests.
    pub async fn start(faults: Faults) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its address");
        let state = Arc::new(State {
            faults,
            commits: AtomicUsize::new(0),
            statements: AtomicUsize::new(0),
            dropped: AtomicUsize::new(0),
        });
        let server = cluster::address();
        let shared = state.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (state, server) = (shared.clone(), server.clone());
                tokio::spawn(async move {
                    if let Ok(server) = TcpStream::connect(server).await {
                        pass(client, server, state).await;
                    }
                });
            }
        });
        Proxy { address, state }
    }

    /// A connection string that goes through it.
    pub fn url(&self, database: &str, user: &str) -> String {
        let password = cluster::password();
        format!("postgresql://{user}:{password}@{}/{database}", self.address)
    }

    /// How many answers were dropped so far.
    pub fn dropped(&self) -> usize {
        self.state.dropped.load(Ordering::SeqCst)
    }
}

impl State {
    /// Whether the answer to this request is to be lost.
    fn is_unlucky(&self, request: &[u8]) -> bool {
        let nth = |counter: &AtomicUsize, of: usize| {
            of > 0 && (counter.fetch_add(1, Ordering::SeqCst) + 1).is_multiple_of(of)
        };
        if request.windows(COMMIT.len()).any(|part| part == COMMIT) {
            nth(&self.commits, self.faults.commits)
        } else if request.first() == Some(&BIND) {
            nth(&self.statements, self.faults.statements)
        } else {
            false
        }
    }
}

/// Passes on both ways until one of them ends or an answer is dropped, and with it the connection.
async fn pass(client: TcpStream, server: TcpStream, state: Arc<State>) {
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let unlucky = Arc::new(tokio::sync::Notify::new());
    let there = requests(from_client, to_server, state.clone(), unlucky.clone());
    let back = answers(from_server, to_client, state, unlucky);
    tokio::select! {
        () = there => {}
        () = back => {}
    }
}

async fn requests(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    state: Arc<State>,
    unlucky: Arc<tokio::sync::Notify>,
) {
    let mut bytes = vec![0; 1 << 16];
    loop {
        let Ok(read @ 1..) = from.read(&mut bytes).await else {
            return;
        };
        let request = bytes.get(..read).unwrap_or_default();
        let is_unlucky = state.is_unlucky(request);
        if is_unlucky {
            unlucky.notify_one();
        }
        if to.write_all(request).await.is_err() {
            return;
        }
        if is_unlucky {
            std::future::pending::<()>().await; // until its answer has come and gone
        }
    }
}

async fn answers(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    state: Arc<State>,
    unlucky: Arc<tokio::sync::Notify>,
) {
    let mut bytes = vec![0; 1 << 16];
    let mut is_unlucky = false;
    loop {
        let read = tokio::select! {
            biased;
            () = unlucky.notified(), if !is_unlucky => {
                is_unlucky = true;
                continue;
            }
            read = from.read(&mut bytes) => read,
        };
        let Ok(read @ 1..) = read else { return };
        if is_unlucky {
            // the server has done it and says so; nobody hears it
            state.dropped.fetch_add(1, Ordering::SeqCst);
            return;
        }
        if to.write_all(bytes.get(..read).unwrap_or_default()).await.is_err() {
            return;
        }
    }
}
