//! The connections of the HTTP server: bounded in number, in the time that the head of a request may take, and in the
//! time that a silent one is kept. When there are too many, the one that has been silent longest makes room, so that
//! thousands of idle connections keep nobody out.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::ConnectInfo;
use axum::http::Request;
use axum::response::Response;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_service::Service as _;

/// Connections at once, where the system allows as many open files.
const MOST: usize = 4_096;
/// Open files that are left to everything else.
const OTHER_FILES: usize = 256;
/// For the head of a request, and between two requests.
const HEAD: Duration = Duration::from_secs(15);
/// Bytes of a head.
const HEAD_BYTES: usize = 64 << 10;
/// After a connection could not be accepted, for want of open files for example.
const PAUSE: Duration = Duration::from_millis(100);

/// What is known of a connection.
struct Connection {
    /// Requests that are being answered.
    busy: AtomicUsize,
    /// Since when it is silent.
    silent: Mutex<Instant>,
    /// It makes room.
    close: CancellationToken,
}

/// All connections.
#[derive(Default)]
struct Connections {
    all: Mutex<HashMap<u64, Arc<Connection>>>,
    ended: Notify,
}

/// Serves until told that it is over, then lets what is being answered end.
pub async fn serve(listener: TcpListener, app: Router, over: CancellationToken) {
    let most = most(std::fs::read_to_string("/proc/self/limits").ok().as_deref());
    serve_at_most(listener, app, over, most, HEAD).await;
}

async fn serve_at_most(
    listener: TcpListener,
    app: Router,
    over: CancellationToken,
    most: usize,
    head: Duration,
) {
    let connections = Arc::new(Connections::default());
    let places = Arc::new(Semaphore::new(most));
    let tracker = TaskTracker::new();
    let mut number = 0;
    loop {
        let accepted = tokio::select! {
            () = over.cancelled() => break,
            accepted = accept(&listener, &connections, &places) => accepted,
        };
        let Some((stream, peer, place)) = accepted else {
            continue;
        };
        number += 1;
        let serving = serve_one(
            stream,
            peer,
            app.clone(),
            connections.enter(number),
            over.clone(),
            head,
        );
        let connections = connections.clone();
        tracker.spawn(async move {
            serving.await;
            drop(place); // before anybody is told that there is one
            connections.leave(number);
        });
    }
    drop(listener);
    tracker.close();
    tracker.wait().await;
}

/// The next connection, with a place for it.
async fn accept(
    listener: &TcpListener,
    connections: &Connections,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    match listener.accept().await {
        Ok((stream, peer)) => loop {
            let ended = connections.ended.notified();
            if let Ok(place) = places.clone().try_acquire_owned() {
                let _ = stream.set_nodelay(true);
                return Some((stream, peer, place));
            }
            connections.make_room();
            ended.await;
        },
        Err(error) => {
            tracing::debug!(%error, "a connection could not be accepted");
            connections.make_room();
            tokio::time::sleep(PAUSE).await;
            None
        }
    }
}

async fn serve_one(
    stream: TcpStream,
    peer: SocketAddr,
    app: Router,
    connection: Arc<Connection>,
    over: CancellationToken,
    head: Duration,
) {
    let about = connection.clone();
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        let (mut app, about) = (app.clone(), about.clone());
        request.extensions_mut().insert(ConnectInfo(peer));
        async move {
            let answering = Answering::begin(about);
            let response: Result<Response, Infallible> = app.call(request.map(Body::new)).await;
            // a stream of events is an answer until it ends, however seldom it says something
            response.map(|response| response.map(|body| Body::new(Answer { body, answering })))
        }
    });
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(head)
        .max_buf_size(HEAD_BYTES);
    let serving = builder
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut serving = std::pin::pin!(serving);
    tokio::select! {
        _ = serving.as_mut() => return,
        () = connection.close.cancelled() => return,
        () = over.cancelled() => {}
    }
    serving.as_mut().graceful_shutdown();
    let _ = serving.await;
}

/// A request while it is answered.
struct Answering(Arc<Connection>);

impl Answering {
    fn begin(connection: Arc<Connection>) -> Answering {
        connection.busy.fetch_add(1, Ordering::Relaxed);
        Answering(connection)
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        *self.0.silent.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An answer while it is sent.
struct Answer {
    body: Body,
    #[allow(dead_code, reason = "held until the body is dropped")]
    answering: Answering,
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Connections {
    fn all(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Arc<Connection>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, number: u64) -> Arc<Connection> {
        let connection = Arc::new(Connection {
            busy: AtomicUsize::new(0),
            silent: Mutex::new(Instant::now()),
            close: CancellationToken::new(),
        });
        self.all().insert(number, connection.clone());
        connection
    }

    fn leave(&self, number: u64) {
        self.all().remove(&number);
        self.ended.notify_waiters();
    }

    /// Closes the connection that has been silent longest, and with it a sixteenth of all, so that this is not looked
    /// for at each of thousands.
    fn make_room(&self) {
        let all = self.all();
        let mut silent: Vec<(Instant, &Arc<Connection>)> = all
            .values()
            .filter(|one| one.busy.load(Ordering::Relaxed) == 0 && !one.close.is_cancelled())
            .map(|one| (*one.silent.lock().unwrap_or_else(PoisonError::into_inner), one))
            .collect();
        silent.sort_by_key(|(since, _)| *since);
        for (_, connection) in silent.iter().take((all.len() / 16).max(1)) {
            connection.close.cancel();
        }
    }
}

/// As many as there may be open files, less those that others need.
fn most(limits: Option<&str>) -> usize {
    let files = limits
        .and_then(|text| text.lines().find(|line| line.starts_with("Max open files")))
        .and_then(|line| line.split_whitespace().nth(3)?.parse::<usize>().ok());
    files.map_or(MOST, |files| files.saturating_sub(OTHER_FILES).clamp(16, MOST))
}

#[cfg(test)]
mod tests;
