//! One connection: with TLS or without, in the order that `allow` and `prefer` want.

use std::future::Future;
use std::pin::Pin;

use tokio::task::JoinHandle;
use tokio_postgres::config::SslMode as Negotiate;
use tokio_postgres::{Client, Config, Connection, Error, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::tls::{self, TlsError};
use super::url::{DatabaseUrl, SslMode};

type Stream = <MakeRustlsConnect as tokio_postgres::tls::MakeTlsConnect<Socket>>::Stream;

/// Makes connections to one database.
#[derive(Clone)]
pub struct Connector {
    config: Config,
    ssl_mode: SslMode,
    tls: MakeRustlsConnect,
}

impl Connector {
    /// Reads the certificates; connects to nothing yet.
    pub fn new(url: &DatabaseUrl) -> Result<Connector, TlsError> {
        Ok(Connector {
            config: url.config.clone(),
            ssl_mode: url.ssl_mode,
            tls: tls::connector(url)?,
        })
    }

    /// The same under another `application_name`, so that an operator can tell the connections apart.
    pub fn named(mut self, name: &str) -> Connector {
        self.config.application_name(name);
        self
    }

    /// Everything but TLS.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// How TLS is made, for a cancel request.
    pub fn tls(&self) -> MakeRustlsConnect {
        self.tls.clone()
    }

    /// Connects. The connection does nothing until it is polled.
    pub async fn open(&self) -> Result<(Client, Connection<Socket, Stream>), Error> {
        match self.config.connect(self.tls.clone()).await {
            Ok(both) => Ok(both),
            Err(error) => match self.second_try(&error) {
                Some(negotiate) => {
                    let mut config = self.config.clone();
                    config.ssl_mode(negotiate);
                    config.connect(self.tls.clone()).await
                }
                None => Err(error),
            },
        }
    }

    /// libpq: `allow` tries TLS when the server refuses without, `prefer` goes without when TLS fails.
    fn second_try(&self, error: &Error) -> Option<Negotiate> {
        let refused = error.code().is_some_and(|state| state.code().starts_with("28"));
        match self.ssl_mode {
            SslMode::Allow if refused => Some(Negotiate::Require),
            SslMode::Prefer if refused || is_tls(error) => Some(Negotiate::Disable),
            _ => None,
        }
    }
}

/// tokio-postgres hides the kind of its errors; only the words tell a failed handshake from the rest.
fn is_tls(error: &Error) -> bool {
    error.to_string().starts_with("error performing TLS handshake")
}

impl deadpool_postgres::Connect for Connector {
    fn connect(
        &self,
        _: &Config,
    ) -> Pin<Box<dyn Future<Output = Result<(Client, JoinHandle<()>), Error>> + Send + '_>> {
        Box::pin(async move {
            let (client, connection) = self.open().await?;
            let task = tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "a connection to the database ended");
                }
            });
            Ok((client, task))
        })
    }
}
