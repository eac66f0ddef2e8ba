//! The certificates that a server's is checked against.

use ureq::tls::{Certificate, PemItem, RootCerts};

/// How many certificates a PEM text holds.
pub(crate) fn count_certificates(pem: &[u8]) -> Result<usize, ureq::Error> {
    certificates(pem).try_fold(0, |count, certificate| certificate.map(|_| count + 1))
}

fn certificates(pem: &[u8]) -> impl Iterator<Item = Result<Certificate<'static>, ureq::Error>> {
    ureq::tls::parse_pem(pem).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(Ok(certificate)),
        Ok(_) => None,
        Err(error) => Some(Err(error)),
    })
}

/// The bundled roots, and those of the CA bundle besides.
pub(super) fn roots(ca_bundle: Option<&[u8]>) -> RootCerts {
    let Some(pem) = ca_bundle else { return RootCerts::WebPki };
    let bundled = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter();
    let bundled = bundled.map(|der| Certificate::from_der(der.as_ref()).to_owned());
    let trusted: Vec<_> = bundled.chain(certificates(pem).flatten()).collect();
    RootCerts::new_with_certs(&trusted)
}
