//! TLS with a certificate of the case's own.

use std::io::{self, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use crate::case::Tls;
use crate::connection::Stream;

/// A certificate that vouches for itself, ready to serve with.
pub(crate) struct Identity {
    pub(crate) config: Arc<ServerConfig>,
    pub(crate) pem: String,
    /// The client's certificate and key, where it must show them.
    pub(crate) client: Option<String>,
}

impl Identity {
    pub(crate) fn new(tls: Tls) -> io::Result<Self> {
        let name = if tls == Tls::WrongName { "other.example" } else { "127.0.0.1" };
        let mut params = CertificateParams::new([name.to_owned()]).map_err(io::Error::other)?;
        match tls {
            Tls::Expired => params.not_after = date_time_ymd(2020, 1, 1),
            Tls::NotYet => params.not_before = date_time_ymd(2090, 1, 1),
            Tls::Authority => params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained),
            _ => {}
        }
        let signing_key = KeyPair::generate().map_err(io::Error::other)?;
        let cert = params.self_signed(&signing_key).map_err(io::Error::other)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?;
        let client = (tls == Tls::Mutual).then(client).transpose()?;
        let config = match &client {
            Some((known, _)) => config.with_client_cert_verifier(only(known, provider)?),
            None => config.with_no_client_auth(),
        };
        let config =
            config.with_single_cert(vec![cert.der().clone()], key).map_err(io::Error::other)?;
        let client = client.map(|(_, pem)| pem);
        Ok(Self { config: Arc::new(config), pem: cert.pem(), client })
    }
}

/// A certificate for a client, and its PEM text with the key.
fn client() -> io::Result<(CertificateDer<'static>, String)> {
    let params = CertificateParams::new(["client.example".to_owned()]).map_err(io::Error::other)?;
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let cert = params.self_signed(&key).map_err(io::Error::other)?;
    Ok((cert.der().clone(), cert.pem() + &key.serialize_pem()))
}

/// Takes this client and no other.
fn only(
    known: &CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
) -> io::Result<Arc<dyn ClientCertVerifier>> {
    let mut roots = RootCertStore::empty();
    roots.add(known.clone()).map_err(io::Error::other)?;
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    verifier.build().map_err(io::Error::other)
}

/// Begins TLS on a connection.
pub(crate) fn encrypt(stream: TcpStream, config: &Arc<ServerConfig>) -> io::Result<impl Stream> {
    let session = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
    Ok(StreamOwned::new(session, stream))
}

impl Stream for StreamOwned<ServerConnection, TcpStream> {
    fn socket(&self) -> &TcpStream {
        &self.sock
    }

    fn say_goodbye(&mut self) -> io::Result<()> {
        self.conn.send_close_notify();
        self.flush()
    }
}
