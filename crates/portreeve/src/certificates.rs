//! Certificate chains and keys as they are read from their files: whole, and each certificate signed by the next. What is damaged
//! is found here, and not by one client after the other.

use std::path::Path;

use rustls::{SignatureScheme, crypto::WebPkiSupportedAlgorithms, sign::CertifiedKey};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use webpki::EndEntityCert;

/// What such a file may hold, by the names in its marks.
const SECTIONS: [&str; 10] = [
    "CERTIFICATE",
    "PRIVATE KEY",
    "RSA PRIVATE KEY",
    "EC PRIVATE KEY",
    "EC PARAMETERS",
    "DH PARAMETERS",
    "PUBLIC KEY",
    "CERTIFICATE REQUEST",
    "X509 CRL",
    "ECHCONFIG",
];

/// The chain in a file of PEM, the server's certificate first. One of our `own` has signed itself. Says what is wrong with it.
pub fn read_chain(
    file: &Path,
    own: bool,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<Vec<CertificateDer<'static>>, String> {
    let text = read(file)?;
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(&text).collect::<Result<_, _>>().map_err(|fault| fault.to_string())?;
    if chain.is_empty() {
        return Err("there is no certificate in it".into());
    }
    for (number, certificate) in (1..).zip(&chain) {
        let (signer, whose) = match chain.get(number) {
            Some(next) => (next, format!("certificate {}", number + 1)),
            None => (certificate, "itself".into()),
        };
        let end = match number {
            last if last < chain.len() || own => End::No,
            1 => End::Alone,
            _ => End::Yes,
        };
        check_signature(certificate, signer, end, algorithms)
            .map_err(|fault| format!("certificate {number} and its signature by {whose}: {fault}"))?;
    }
    Ok(chain)
}

/// The private key in a file of PEM.
pub fn read_key(file: &Path) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_slice(&read(file)?).map_err(|fault| fault.to_string())
}

/// Whether what is signed with the key is verified by the certificate. That the key says it has the certificate's public part
/// does not tell whether the private one is whole.
pub fn check_pair(certified: &CertifiedKey, algorithms: &WebPkiSupportedAlgorithms) -> Result<(), String> {
    let text = b"whether they belong together";
    let schemes: Vec<SignatureScheme> = algorithms.mapping.iter().map(|(scheme, _)| *scheme).collect();
    let signer = certified.key.choose_scheme(&schemes).ok_or("the key is of a kind that is not known")?;
    let signature = signer.sign(text).map_err(|fault| fault.to_string())?;
    let certificate = certified.end_entity_cert().map_err(|fault| fault.to_string())?;
    let certificate = EndEntityCert::try_from(certificate).map_err(|fault| fault.to_string())?;
    let ways = algorithms.mapping.iter().filter(|(scheme, _)| *scheme == signer.scheme()).flat_map(|(_, ways)| *ways);
    if ways.into_iter().any(|way| certificate.verify_signature(*way, text, &signature).is_ok()) {
        Ok(())
    } else {
        Err("what the key signs is not verified by the certificate: they do not belong together, or one is damaged"
            .into())
    }
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    let text = std::fs::read(file).map_err(|fault| fault.to_string())?;
    check_marks(&text)?;
    Ok(text)
}

/// What stands between marks that are not whole would be passed over.
fn check_marks(text: &[u8]) -> Result<(), String> {
    for (number, line) in (1..).zip(text.split(|byte| *byte == b'\n')) {
        let line = String::from_utf8_lossy(line);
        let line = line.trim_end();
        let name = line.strip_prefix("-----BEGIN ").or_else(|| line.strip_prefix("-----END "));
        let name = name.and_then(|rest| rest.strip_suffix("-----"));
        if line.contains("---") && !name.is_some_and(|name| SECTIONS.contains(&name)) {
            return Err(format!("line {number} neither begins nor ends a certificate or a key"));
        }
    }
    Ok(())
}

/// Whether the chain ends with a certificate.
#[derive(Clone, Copy, PartialEq)]
enum End {
    No,
    Yes,
    Alone,
}

/// Whether a certificate was signed by the one that follows; the last, of which the signer need not be there, if it is its own.
fn check_signature(
    certificate: &CertificateDer<'_>,
    signer: &CertificateDer<'_>,
    end: End,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<(), String> {
    let parsed = EndEntityCert::try_from(certificate).map_err(|fault| fault.to_string())?;
    let by = EndEntityCert::try_from(signer).map_err(|fault| fault.to_string())?;
    if parsed.issuer() != by.subject() {
        return if end == End::No { Err("it was issued by another one".into()) } else { Ok(()) };
    }
    let (signed, algorithm, signature) = parts(certificate).ok_or("it cannot be read")?;
    let mut known = algorithms.all.iter().filter(|known| known.signature_alg_id().as_ref() == algorithm).peekable();
    if known.peek().is_none() {
        if end == End::Yes {
            // An old root, which clients have and of which they verify nothing.
            return Ok(());
        }
        return Err("it is signed in a way that is not known".into());
    }
    if known.any(|known| by.verify_signature(*known, signed, signature).is_ok()) {
        Ok(())
    } else {
        Err("they do not belong together: one of them is damaged".into())
    }
}

/// What of a certificate is signed, in which way, and the signature (RFC 5280, section 4.1).
fn parts(certificate: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    const SEQUENCE: u8 = 0x30;
    const BITS: u8 = 0x03;
    let (_, whole, _) = element(certificate, SEQUENCE)?;
    let (signed, _, rest) = element(whole, SEQUENCE)?;
    let (_, algorithm, rest) = element(rest, SEQUENCE)?;
    let (_, bits, _) = element(rest, BITS)?;
    // The first byte says how many bits of the last are not used.
    Some((signed, algorithm, bits.strip_prefix(&[0])?))
}

/// The first element of DER: all of it, what is in it, and what follows it.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8], &[u8])> {
    let [first, length, rest @ ..] = bytes else { return None };
    let (length, head) = match usize::from(*length) {
        short @ ..0x80 => (short, 2),
        long => {
            let digits = rest.get(..long - 0x80).filter(|digits| digits.len() <= 4)?;
            (digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit)), 2 + digits.len())
        }
    };
    let (whole, behind) = bytes.split_at_checked(head.checked_add(length)?)?;
    (*first == tag).then_some((whole, &whole[head..], behind))
}
