//! An AI agent that speaks the Model Context Protocol over plain HTTP, in the revision with sessions and in the one
//! without: what is sent and what comes back, and no library between.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// The revision with `initialize` and sessions.
pub const WITH_SESSIONS: &str = "2025-11-25";
/// The revision in which each request stands alone.
pub const WITHOUT_SESSIONS: &str = "2026-07-28";

/// A client.
pub struct Agent {
    address: SocketAddr,
    key: String,
    revision: &'static str,
    /// The session, in the revision that has them.
    pub session: Option<String>,
    next: AtomicU64,
}

/// An answer, as far as it has come.
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// The head, names in lower case.
    pub head: String,
    stream: BufReader<TcpStream>,
}

/// A whole answer.
#[derive(Debug)]
pub struct Said {
    /// The status code.
    pub status: u16,
    /// The head, names in lower case.
    pub head: String,
    /// The body.
    pub body: String,
    /// The messages of JSON-RPC in it, in their order.
    pub messages: Vec<Value>,
}

impl Said {
    /// The last message: the answer itself.
    pub fn answer(&self) -> &Value {
        self.messages.last().unwrap_or(&Value::Null)
    }

    /// A header.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }
}

impl Agent {
    /// Opens a session where the revision has them.
    pub async fn connect(address: SocketAddr, key: &str, revision: &'static str) -> Agent {
        let mut agent = Agent::with_key(address, key, revision);
        if revision == WITH_SESSIONS {
            let said = agent
                .request(
                    "initialize",
                    json!({ "protocolVersion": revision, "capabilities": {}, "clientInfo": { "name": "test", "version": "1" } }),
                )
                .await;
            assert_eq!(said.status, 200, "{said:?}");
            assert_eq!(
                said.answer()["result"]["protocolVersion"],
                json!(revision),
                "{said:?}"
            );
            agent.session = said.header("mcp-session-id").map(str::to_owned);
            let said = agent.notify("notifications/initialized", json!({})).await;
            assert_eq!(said.status, 202, "{said:?}");
        }
        agent
    }

    /// A client that has not said anything yet.
    pub fn with_key(address: SocketAddr, key: &str, revision: &'static str) -> Agent {
        Agent {
            address,
            key: key.to_owned(),
            revision,
            session: None,
            next: AtomicU64::new(1),
        }
    }

    /// The names of its tools.
    pub async fn tools(&self) -> Vec<String> {
        let said = self.request("tools/list", json!({})).await;
        let tools = said.answer()["result"]["tools"].as_array();
        let tools = tools.unwrap_or_else(|| panic!("no tools: {said:?}"));
        tools
            .iter()
            .map(|tool| tool["name"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// Calls a tool; the result or the error of the protocol.
    pub async fn call(&self, tool: &str, arguments: Value) -> Value {
        let said = self
            .request("tools/call", json!({ "name": tool, "arguments": arguments }))
            .await;
        said.answer().clone()
    }

    /// A request and its whole answer.
    pub async fn request(&self, method: &str, params: Value) -> Said {
        self.begin(method, params).await.1.read().await
    }

    /// A request, its id, and its answer as it comes.
    pub async fn begin(&self, method: &str, mut params: Value) -> (u64, Reply) {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        if self.revision == WITHOUT_SESSIONS {
            for (key, value) in [
                ("protocolVersion", json!(self.revision)),
                ("clientInfo", json!({ "name": "test", "version": "1" })),
                ("clientCapabilities", json!({})),
            ] {
                params["_meta"][format!("io.modelcontextprotocol/{key}")] = value;
            }
        }
        let message = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        (
            id,
            self.post(&message.to_string(), &self.headers(method, &params))
                .await,
        )
    }

    /// A notification.
    pub async fn notify(&self, method: &str, params: Value) -> Said {
        let message = json!({ "jsonrpc": "2.0", "method": method, "params": params });
        self.post(&message.to_string(), &self.headers(method, &params))
            .await
            .read()
            .await
    }

    /// The stream of what the server says by itself in a session.
    pub async fn listen(&self) -> Reply {
        self.send("GET", "", &self.headers("", &Value::Null)).await
    }

    /// Anything, as it stands.
    pub async fn post(&self, body: &str, headers: &[(String, String)]) -> Reply {
        self.send("POST", body, headers).await
    }

    /// The headers of a request.
    pub fn headers(&self, method: &str, params: &Value) -> Vec<(String, String)> {
        let mut headers = vec![
            ("Host".to_owned(), self.address.to_string()),
            (
                "Accept".to_owned(),
                "application/json, text/event-stream".to_owned(),
            ),
            ("Content-Type".to_owned(), "application/json".to_owned()),
            ("Authorization".to_owned(), format!("Bearer {}", self.key)),
        ];
        if method != "initialize" {
            headers.push(("MCP-Protocol-Version".to_owned(), self.revision.to_owned()));
        }
        if let Some(session) = &self.session {
            headers.push(("Mcp-Session-Id".to_owned(), session.clone()));
        }
        if self.revision == WITHOUT_SESSIONS {
            headers.push(("Mcp-Method".to_owned(), method.to_owned()));
            if let Some(name) = params["name"].as_str() {
                headers.push(("Mcp-Name".to_owned(), name.to_owned()));
            }
        }
        headers
    }

    async fn send(&self, verb: &str, body: &str, headers: &[(String, String)]) -> Reply {
        let mut request = format!(
            "{verb} /mcp HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n",
            body.len()
        );
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        request.push_str(body);
        let mut stream = BufReader::new(TcpStream::connect(self.address).await.expect("connect"));
        stream.write_all(request.as_bytes()).await.expect("send");
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let read = stream.read_line(&mut head).await.expect("read the head");
            assert!(read > 0, "the connection ended in the head: {head}");
        }
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|code| code.parse().ok())
            .expect("a status");
        Reply {
            status,
            head: head.to_lowercase(),
            stream,
        }
    }
}

impl Reply {
    /// The next message of a stream; none at its end. (A line of data comes in one chunk.)
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line).await.ok()? == 0 {
                return None;
            }
            if let Some(message) = data(&line) {
                return Some(message);
            }
        }
    }

    /// Everything until its end.
    pub async fn read(mut self) -> Said {
        let mut bytes = Vec::new();
        self.stream.read_to_end(&mut bytes).await.expect("read the body");
        let body = String::from_utf8_lossy(&bytes).into_owned();
        let messages = match header(&self.head, "content-type") {
            Some(kind) if kind.starts_with("text/event-stream") => body.lines().filter_map(data).collect(),
            Some(kind) if kind.starts_with("application/json") => {
                serde_json::from_str(&body).into_iter().collect()
            }
            _ => Vec::new(),
        };
        Said {
            status: self.status,
            head: self.head,
            body,
            messages,
        }
    }
}

fn data(line: &str) -> Option<Value> {
    serde_json::from_str(line.strip_prefix("data:")?.trim()).ok()
}

fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let mut lines = head.lines().filter_map(|line| line.split_once(':'));
    lines.find(|(own, _)| *own == name).map(|(_, value)| value.trim())
}
