//! A session that LISTENs and hands on what it hears.

use std::future::poll_fn;

use tokio::sync::mpsc;
use tokio_postgres::{AsyncMessage, Client, Config, NoTls, Notification};

use crate::cluster;

/// The session and what it hears; hearing ends when the client is dropped.
pub struct Listener {
    /// Keeps the session open.
    pub client: Client,
    /// Notifications in their order.
    pub heard: mpsc::UnboundedReceiver<Notification>,
}

/// Listens on a channel as this user.
pub async fn listen(database: &str, user: &str, channel: &str) -> Listener {
    listen_at(&cluster::url(database, user), channel).await
}

/// The same with a connection string.
pub async fn listen_at(url: &str, channel: &str) -> Listener {
    let config: Config = url.parse().expect("our own connection string");
    let (client, mut connection) = config.connect(NoTls).await.expect("connect the listener");
    let (tell, heard) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
            if let AsyncMessage::Notification(notification) = message {
                // Nobody may be interested any more.
                let _ = tell.send(notification);
            }
        }
    });
    client
        .batch_execute(&format!("LISTEN {channel}"))
        .await
        .expect("listen");
    Listener { client, heard }
}
