//! TLS to Postgres through rustls: which certificates are believed, by libpq's words.

use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::url::{DatabaseUrl, SslMode};

/// Why no TLS connector could be made.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file of `sslrootcert` gives no certificate.
    #[error("no certificate could be read from {path}: {why}")]
    Roots {
        /// The file.
        path: PathBuf,
        /// What went wrong with it.
        #[source]
        why: Error,
    },
    /// `verify-ca` or `verify-full` without any authority to trust.
    #[error(
        "sslmode verifies, but there is neither sslrootcert, nor ~/.postgresql/root.crt, nor a system store"
    )]
    NoRoots,
    /// rustls refused what it was given.
    #[error(transparent)]
    Refused(#[from] rustls::Error),
    /// The provider is installed first thing in `main`.
    #[error("no TLS provider is installed")]
    NoProvider,
    /// The verifier refused the authorities.
    #[error("the certificate authorities cannot be used: {0}")]
    Verifier(#[from] rustls::client::VerifierBuilderError),
}

/// A connector for this URL.
pub fn connector(url: &DatabaseUrl) -> Result<MakeRustlsConnect, TlsError> {
    let provider = CryptoProvider::get_default().ok_or(TlsError::NoProvider)?.clone();
    let verifier: Arc<dyn ServerCertVerifier> = match url.ssl_mode {
        SslMode::VerifyFull | SslMode::VerifyCa => {
            let roots = Arc::new(roots(url.root_cert.as_deref())?);
            let strict = WebPkiServerVerifier::builder_with_provider(roots, provider.clone()).build()?;
            if url.ssl_mode == SslMode::VerifyFull {
                strict
            } else {
                Arc::new(AnyName(strict))
            }
        }
        _ => Arc::new(Anything(provider.clone())),
    };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

/// Where systems keep their store, in the order in which they are tried for `sslrootcert=system`.
const SYSTEM: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

fn roots(given: Option<&Path>) -> Result<RootCertStore, TlsError> {
    let path = match given {
        Some(path) if path != Path::new("system") => path.to_owned(),
        Some(_) => system().ok_or(TlsError::NoRoots)?,
        None => std::env::home_dir()
            .map(|home| home.join(".postgresql/root.crt"))
            .filter(|path| path.exists())
            .or_else(system)
            .ok_or(TlsError::NoRoots)?,
    };
    let failed = |why: Error| TlsError::Roots {
        path: path.clone(),
        why,
    };
    let certificates = CertificateDer::pem_file_iter(&path).map_err(|error| failed(Error::other(error)))?;
    let mut store = RootCertStore::empty();
    let (added, _) = store.add_parsable_certificates(certificates.filter_map(Result::ok));
    if added == 0 {
        return Err(failed(Error::new(
            ErrorKind::InvalidData,
            "it holds no certificate in PEM form",
        )));
    }
    Ok(store)
}

fn system() -> Option<PathBuf> {
    let chosen = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    chosen
        .into_iter()
        .chain(SYSTEM.map(PathBuf::from))
        .find(|path| path.exists())
}

/// `verify-ca`: a good chain, whatever name is on it. webpki looks at the name last.
#[derive(Debug)]
struct AnyName(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        end: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match self.0.verify_server_cert(end, between, name, ocsp, now) {
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// `allow`, `prefer` and `require`: encrypted, whoever it is, as libpq means it.
#[derive(Debug)]
struct Anything(Arc<CryptoProvider>);

impl ServerCertVerifier for Anything {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
