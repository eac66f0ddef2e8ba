//! TLS over another layer, by rustls with ring; and what a certificate that is refused is told as.

use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;

use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{AlertDescription, CertificateError, ClientConfig, ClientConnection, RootCertStore};

use super::attempt::{Attempt, told};
use super::failure::{Fault, while_doing};
use super::identity::Identity;
use super::names::Place;
use super::tcp::Layer;
use crate::error::spelt;

/// How often a connection is looked at before it is taken to be busy with something else.
const MAX_LOOKS: usize = 16;

/// How many certificates a PEM text holds that can vouch for others.
pub(crate) fn count_certificates(pem: &[u8]) -> Result<usize, PemError> {
    let mut roots = RootCertStore::empty();
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>()?;
    Ok(roots.add_parsable_certificates(certificates).0)
}

/// Whom to trust, and who the client is.
#[derive(Debug)]
pub(super) struct TlsMeans {
    /// The PEM text of certificates to trust besides the bundled ones.
    pub(super) ca_bundle: Option<Vec<u8>>,
    /// Whether the operating system's certificates are trusted in the place of the bundled ones.
    pub(super) system_roots: bool,
    pub(super) identity: Option<Identity>,
}

impl TlsMeans {
    /// How to speak TLS, and as whom.
    ///
    /// The provider is named, for the program may have others, and rustls panics when it must choose.
    pub(super) fn config(&self, identity: Option<&Identity>) -> Result<Arc<ClientConfig>, Fault> {
        let mut roots = if self.system_roots {
            systems_roots()?
        } else {
            RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }
        };
        let own = CertificateDer::pem_slice_iter(self.ca_bundle.as_deref().unwrap_or_default());
        roots.add_parsable_certificates(own.flatten());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| Fault::permanent(format!("TLS cannot be set up: {error}")))?
            .with_root_certificates(roots);
        Ok(Arc::new(match identity {
            Some(Identity(pair)) => config.with_client_cert_resolver(Arc::clone(pair) as _),
            None => config.with_no_client_auth(),
        }))
    }
}

/// The certificates that the operating system trusts.
fn systems_roots() -> Result<RootCertStore, Fault> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    if roots.add_parsable_certificates(found.certs).0 > 0 {
        return Ok(roots);
    }
    let why = found.errors.first().map(|error| format!(": {error}")).unwrap_or_default();
    let advice = "install them (ca-certificates), set SSL_CERT_FILE, or leave out";
    let option = spelt("tls_roots");
    Err(Fault::permanent(format!(
        "the system has no certificates to trust{why}; {advice} {option}"
    )))
}

/// A connection with TLS.
#[derive(Debug)]
pub(super) struct Tls {
    session: ClientConnection,
    under: Box<dyn Layer>,
    host: String,
}

impl Tls {
    /// Shakes hands with a server that must have a certificate for `place`, which `setting` names.
    pub(super) fn connect(
        config: Arc<ClientConfig>,
        under: Box<dyn Layer>,
        place: &Place,
        setting: &str,
    ) -> io::Result<Self> {
        let name = ServerName::try_from(place.host.clone()).map_err(|_| {
            Fault::permanent(format!("a certificate cannot be for the name {:?}", place.host))
        })?;
        let session = ClientConnection::new(config, name);
        let session = session.map_err(|error| fault_of(&error, place, setting))?;
        let mut tls = Self { session, under, host: place.host.clone() };
        while tls.session.is_handshaking() {
            tls.receive()
                .map_err(|error| explained(error, place, setting))
                .map_err(while_doing(format_args!("the TLS handshake with {place}")))?;
        }
        tls.send()?;
        Ok(tls)
    }

    /// Hands on what the session wants to send.
    fn send(&mut self) -> io::Result<()> {
        while self.session.wants_write() {
            self.session.write_tls(&mut self.under)?;
        }
        Ok(())
    }

    /// Reads once, and takes in what came; fails at the end when it comes amid the handshake.
    fn receive(&mut self) -> io::Result<()> {
        self.send()?;
        if self.session.read_tls(&mut self.under)? == 0 && self.session.is_handshaking() {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let taken = self.session.process_new_packets();
        taken.map(drop).map_err(|error| {
            // The server is told why, if it still listens.
            self.send().and_then(|()| self.under.flush()).ok();
            match refused_client(&error, &self.host) {
                // It is said after our end of the handshake, and nothing that follows that is read.
                Some(fault) => {
                    told(Attempt::shut_out);
                    fault.into()
                }
                None => io::Error::new(ErrorKind::InvalidData, error),
            }
        })
    }
}

impl Read for Tls {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.session.reader().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.receive()?,
                result => return result,
            }
        }
    }
}

impl Write for Tls {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.session.writer().write(bytes)?;
        self.send()?;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send()?;
        self.under.flush()
    }
}

impl Layer for Tls {
    /// Takes in what waits below, such as session tickets, and then asks what is left of it.
    fn is_idle(&mut self) -> bool {
        for _ in 0..MAX_LOOKS {
            match self.session.process_new_packets() {
                Ok(state) if state.plaintext_bytes_to_read() == 0 && !state.peer_has_closed() => {}
                _ => return false,
            }
            if self.under.is_idle() {
                return true;
            }
            // Something waits below, so this does not.
            if !matches!(self.session.read_tls(&mut self.under), Ok(1..)) {
                return false;
            }
        }
        false
    }
}

/// What rustls says within an error of a handshake, in our words.
fn explained(error: io::Error, place: &Place, setting: &str) -> io::Error {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(inner) => fault_of(inner, place, setting).into(),
        None => error,
    }
}

fn fault_of(error: &rustls::Error, place: &Place, setting: &str) -> Fault {
    use rustls::Error as E;
    let host = &place.host;
    match error {
        E::InvalidCertificate(reason) => Fault::permanent(refused(reason, host, setting)),
        E::InvalidMessage(_) => Fault::permanent(format!(
            "{place} does not speak TLS ({error}); check host and port in {setting}"
        )),
        E::AlertReceived(AlertDescription::InternalError | AlertDescription::UserCanceled)
        | E::DecryptError
        | E::General(_) => {
            Fault::passing(format!("the TLS handshake with {place} failed: {error}"))
        }
        _ => Fault::permanent(format!("the TLS handshake with {place} failed: {error}")),
    }
}

/// That the server wants another certificate of the client, or one at all.
fn refused_client(error: &rustls::Error, host: &str) -> Option<Fault> {
    use AlertDescription as Alert;
    let rustls::Error::AlertReceived(alert) = error else { return None };
    let what = match alert {
        Alert::CertificateRequired => "asks for a client certificate; give it",
        Alert::BadCertificate
        | Alert::UnsupportedCertificate
        | Alert::CertificateRevoked
        | Alert::CertificateExpired
        | Alert::CertificateUnknown
        | Alert::UnknownCA => "refuses the client certificate; give one that it trusts",
        _ => return None,
    };
    let (alert, option) = (format!("{alert:?}"), spelt("client_cert"));
    Some(Fault::permanent(format!("{host} {what} as {option} (TLS alert {alert})")))
}

/// Why a certificate was refused, and what can be done.
fn refused(reason: &CertificateError, host: &str, setting: &str) -> String {
    use CertificateError as E;
    match reason {
        E::UnknownIssuer => format!(
            "the certificate of {host} is signed by a CA that this client does not trust; if your \
             company has its own CA, or its firewall inspects TLS, give that CA's PEM file as {}",
            spelt("ca_bundle")
        ),
        E::NotValidForName | E::NotValidForNameContext { .. } => format!(
            "the certificate of {host} is for other names{}, not for {host}; check {setting}",
            presented(reason)
        ),
        E::Expired | E::ExpiredContext { .. } => {
            format!("the certificate of {host} has expired, or the clock of this machine is wrong")
        }
        E::NotValidYet | E::NotValidYetContext { .. } => format!(
            "the certificate of {host} is not valid yet, or the clock of this machine is wrong"
        ),
        other if other.to_string().contains("CaUsedAsEndEntity") => format!(
            "the certificate of {host} is a CA's, not a server's; have one issued for the server, and \
             give the CA's as {}",
            spelt("ca_bundle")
        ),
        other => format!("the certificate of {host} was refused: {other}"),
    }
}

/// The names that a certificate is for.
fn presented(reason: &CertificateError) -> String {
    match reason {
        CertificateError::NotValidForNameContext { presented, .. } if !presented.is_empty() => {
            let names: Vec<_> = presented.iter().take(3).map(|name| bare(name)).collect();
            format!(" ({})", names.join(", "))
        }
        _ => String::new(),
    }
}

/// The name within `DnsName("name")`, as rustls has it.
fn bare(name: &str) -> &str {
    let inner = name.split_once('(').map_or(name, |(_, inner)| inner);
    inner.trim_end_matches(')').trim_matches('"')
}
