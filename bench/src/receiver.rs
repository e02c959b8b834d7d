//! A fast local HTTP server for nodes that POST: keeps connections open, says yes at once, and remembers when the
//! request of which lead came. The one of the tests closes each connection, which would be measured too.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

use crate::stage::now;

const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 11\r\n\r\n{\"ok\":true}";

type Arrivals = Arc<Mutex<HashMap<Uuid, f64>>>;

/// The server; it ends with the runtime.
pub struct FastReceiver {
    /// `host:port`.
    pub host: String,
    arrivals: Arrivals,
}

impl FastReceiver {
    /// Starts one.
    pub async fn start() -> FastReceiver {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let host = listener.local_addr().expect("its address").to_string();
        let arrivals = Arrivals::default();
        let seen = arrivals.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _ = stream.set_nodelay(true);
                tokio::spawn(serve(stream, seen.clone()));
            }
        });
        FastReceiver { host, arrivals }
    }

    /// Seconds since 1970 at which the request of each lead came, the last one if there were several.
    pub fn arrivals(&self) -> HashMap<Uuid, f64> {
        self.arrivals.lock().expect("the arrivals").clone()
    }

    /// Forgets them.
    pub fn forget(&self) {
        self.arrivals.lock().expect("the arrivals").clear();
    }
}

async fn serve(stream: TcpStream, arrivals: Arrivals) {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    loop {
        let mut length = 0;
        loop {
            line.clear();
            match stream.read_line(&mut line).await {
                Ok(read) if read > 0 => {}
                _ => return,
            }
            let header = line.trim_end();
            if header.is_empty() {
                break;
            }
            if let Some((name, value)) = header.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        let at = now();
        let mut body = vec![0; length];
        if stream.read_exact(&mut body).await.is_err() {
            return;
        }
        let lead = serde_json::from_slice::<Value>(&body)
            .ok()
            .and_then(|body| Uuid::parse_str(body.get("lead")?.as_str()?).ok());
        if let Some(lead) = lead {
            arrivals.lock().expect("the arrivals").insert(lead, at);
        }
        if stream.get_mut().write_all(ANSWER).await.is_err() {
            return;
        }
    }
}
