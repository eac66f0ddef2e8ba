//! `Identity`: the certificate by which a client shows who it is, and its key.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{Error, InconsistentKeys};

/// A certificate, those that vouch for it, and its key.
#[derive(Clone)]
pub(crate) struct Identity(pub(super) Arc<SingleCertAndKey>);

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

/// What is wrong with one of the two files.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum IdentityFault {
    OfCertificate(String),
    OfKey(String),
}

impl Identity {
    /// That of two PEM files; the key may stand in the certificate's.
    pub(crate) fn read(certificate: &Path, key: Option<&Path>) -> Result<Self, IdentityFault> {
        use IdentityFault::{OfCertificate, OfKey};
        let chain = certificates(certificate).map_err(OfCertificate)?;
        let private = private_key(key.unwrap_or(certificate), key.is_some());
        let of_file = |fault| if key.is_some() { OfKey(fault) } else { OfCertificate(fault) };
        let private = private.map_err(of_file)?;
        let provider = rustls::crypto::ring::default_provider();
        let pair = CertifiedKey::from_der(chain, private, &provider);
        let (shown, of) = (certificate.display(), key.unwrap_or(certificate).display());
        pair.map(|pair| Self(Arc::new(pair.into()))).map_err(|error| match error {
            Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => of_file(format!(
                "the key in {of} is not that of the first certificate in {shown}; give the two that \
                 were made together"
            )),
            Error::InvalidCertificate(_) => {
                OfCertificate(format!("{shown} holds a certificate that cannot be read: {error}"))
            }
            _ => of_file(format!("{of} holds a key that TLS cannot use: {error}")),
        })
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let (pem, shown) = (read(path)?, path.display());
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match found {
        Ok(found) if found.is_empty() => Err(format!("{shown} holds no PEM certificate")),
        Ok(found) => Ok(found),
        Err(error) => Err(format!("{shown} is not PEM: {error}")),
    }
}

/// The key in a file, which is the key's `own` or the certificate's.
fn private_key(path: &Path, own: bool) -> Result<PrivateKeyDer<'static>, String> {
    let (pem, shown) = (read(path)?, path.display());
    let text = String::from_utf8_lossy(&pem);
    if text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED") {
        return Err(format!(
            "the key in {shown} is encrypted; write it without a password: openssl pkey -in {shown} \
             -out key.pem"
        ));
    }
    PrivateKeyDer::from_pem_slice(&pem).map_err(|error| match error {
        PemError::NoItemsFound if own => format!("{shown} holds no PEM private key"),
        PemError::NoItemsFound => format!(
            "{shown} holds a certificate and no key; give the key's file as {}",
            crate::error::spelt("client_key")
        ),
        error => format!("{shown} is not PEM: {error}"),
    })
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}
