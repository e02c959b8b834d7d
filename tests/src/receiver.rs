//! The outside world of a test: an HTTP server in this process that records every request (the ledger) and
//! answers as the test says, or holds its answers back until the test lets go.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::waiting;

/// One request as it came in.
#[derive(Debug, Clone)]
pub struct Request {
    /// GET, POST ...
    pub method: String,
    /// With the query.
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body as text.
    pub body: String,
}

impl Request {
    /// A header's value; the name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body as JSON; null if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }
}

/// What to answer.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// Further header lines, without line ends.
    pub headers: Vec<String>,
    /// The body.
    pub body: String,
}

impl Reply {
    /// 200 with this JSON.
    pub fn json(body: Value) -> Reply {
        Reply {
            status: 200,
            headers: vec!["content-type: application/json".into()],
            body: body.to_string(),
        }
    }

    /// This status and nothing else.
    pub fn status(status: u16) -> Reply {
        Reply {
            status,
            headers: Vec::new(),
            body: String::new(),
        }
    }
}

type Answer = dyn Fn(Request) -> Pin<Box<dyn Future<Output = Reply> + Send>> + Send + Sync;

/// What has come in, for whoever has no part in the server. Cheap to clone.
#[derive(Clone)]
pub struct Ledger(Arc<Mutex<Vec<Request>>>);

impl Ledger {
    /// What has come in so far.
    pub fn requests(&self) -> Vec<Request> {
        self.0.lock().expect("the ledger").clone()
    }
}

/// The server; it ends with the runtime of the test.
pub struct Receiver {
    address: SocketAddr,
    ledger: Arc<Mutex<Vec<Request>>>,
    open: watch::Sender<bool>,
    given_up: Arc<AtomicUsize>,
}

impl Receiver {
    /// Answers every request with 200 and `{"ok": true}`.
    pub async fn start() -> Receiver {
        Receiver::answering(|_| Reply::json(serde_json::json!({"ok": true}))).await
    }

    /// Answers as `answer` says.
    pub async fn answering(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Receiver {
        Receiver::answering_in_time(move |request| std::future::ready(answer(&request))).await
    }

    /// Answers as `answer` says, when it says so.
    pub async fn answering_in_time<A>(answer: impl Fn(Request) -> A + Send + Sync + 'static) -> Receiver
    where
        A: Future<Output = Reply> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its address");
        let ledger = Arc::new(Mutex::new(Vec::new()));
        let (open, gate) = watch::channel(true);
        let answer: Arc<Answer> = Arc::new(move |request| Box::pin(answer(request)));
        let writing = ledger.clone();
        let given_up = Arc::new(AtomicUsize::new(0));
        let counting = given_up.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (ledger, gate, answer) = (writing.clone(), gate.clone(), answer.clone());
                let given_up = counting.clone();
                tokio::spawn(async move { serve(stream, &ledger, gate, answer.as_ref(), &given_up).await });
            }
        });
        Receiver {
            address,
            ledger,
            open,
            given_up,
        }
    }

    /// Where it is.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// `host:port`, as `--allow-hosts` wants it.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// Records requests from now on without answering them.
    pub fn hold(&self) {
        self.open.send_replace(false);
    }

    /// Answers what is held and all that comes.
    pub fn let_go(&self) {
        self.open.send_replace(true);
    }

    /// The ledger, to be read elsewhere.
    pub fn watch(&self) -> Ledger {
        Ledger(self.ledger.clone())
    }

    /// What has come in so far.
    pub fn requests(&self) -> Vec<Request> {
        self.ledger.lock().expect("the ledger").clone()
    }

    /// Waits until so many requests were given up by who sent them, while their answers were held back.
    pub async fn sees_given_up(&self, count: usize) {
        waiting::until(&format!("{count} request(s) to be given up"), || async {
            (self.given_up.load(Ordering::SeqCst) >= count).then_some(())
        })
        .await;
    }

    /// Waits until at least so many requests have come in, and gives all.
    pub async fn have(&self, count: usize) -> Vec<Request> {
        waiting::until(&format!("{count} request(s) at the receiver"), || async {
            let requests = self.requests();
            (requests.len() >= count).then_some(requests)
        })
        .await
    }
}

async fn serve(
    stream: TcpStream,
    ledger: &Mutex<Vec<Request>>,
    mut gate: watch::Receiver<bool>,
    answer: &Answer,
    given_up: &AtomicUsize,
) {
    let mut stream = BufReader::new(stream);
    let Some(request) = read(&mut stream).await else {
        return;
    };
    ledger.lock().expect("the ledger").push(request.clone());
    let answered = async {
        gate.wait_for(|open| *open).await.ok()?;
        Some(answer(request).await)
    };
    let reply = tokio::select! {
        biased;
        reply = answered => reply,
        // who has sent a whole request and waits for its answer says nothing more, but that it goes
        _ = stream.read_u8() => {
            given_up.fetch_add(1, Ordering::SeqCst);
            None
        }
    };
    let Some(reply) = reply else {
        return;
    };
    let mut head = format!(
        "HTTP/1.1 {} X\r\ncontent-length: {}\r\nconnection: close\r\n",
        reply.status,
        reply.body.len()
    );
    for header in &reply.headers {
        head.push_str(header);
        head.push_str("\r\n");
    }
    head.push_str("\r\n");
    head.push_str(&reply.body);
    // The client may have given up.
    let _ = stream.write_all(head.as_bytes()).await;
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok()?;
    let mut words = line.split_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        headers.push((name.trim().to_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let mut body = vec![0; length.and_then(|(_, value)| value.parse().ok()).unwrap_or(0)];
    stream.read_exact(&mut body).await.ok()?;
    Some(Request {
        method,
        path,
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    })
}
