//! What the crypt functions of Unix have of their own: base64 that begins with the low bits, digests in another order, and
//! the one of them that no kept crate has, MD5-crypt (Poul-Henning Kamp, FreeBSD 2.0).

use md5::{Digest, Md5};
use zeroize::Zeroizing;

const LETTERS: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Four letters are 24 bits, the lowest first. Nothing if there are other letters, or bits over.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    for letters in text.as_bytes().chunks(4) {
        let mut bits = 0_u32;
        for (place, letter) in letters.iter().enumerate() {
            let value = LETTERS.iter().position(|known| known == letter)?;
            bits |= u32::try_from(value).ok()? << (6 * place);
        }
        let whole = letters.len() * 6 / 8;
        if whole == 0 || bits >> (8 * whole) != 0 {
            return None;
        }
        bytes.extend_from_slice(&bits.to_le_bytes()[..whole]);
    }
    Some(bytes)
}

/// A digest in the order in which its text has it.
pub(super) fn permuted(digest: &[u8]) -> Zeroizing<Vec<u8>> {
    let third = digest.len() / 3;
    let mut order = Vec::with_capacity(digest.len());
    match digest.len() {
        16 => {
            order.extend((0..4).flat_map(|i| [i + 12, i + 6, i]));
            order.extend([5, 10, 4, 11]);
        }
        32 => {
            let mut group = [0, third, 2 * third];
            for _ in 0..third {
                order.extend(group.iter().rev());
                group = [group[2] + 1, group[0] + 1, group[1] + 1];
            }
            order.extend([30, 31]);
        }
        _ => {
            let mut group = [0, third, 2 * third];
            for _ in 0..third {
                order.extend(group.iter().rev());
                group = [group[1] + 1, group[2] + 1, group[0] + 1];
            }
            order.push(63);
        }
    }
    Zeroizing::new(order.into_iter().map(|place| digest[place]).collect())
}

/// MD5-crypt: a thousand rounds.
pub(super) fn md5_crypt(password: &[u8], salt: &[u8]) -> [u8; 16] {
    let digest = |parts: &[&[u8]]| -> [u8; 16] {
        let mut md5 = Md5::new();
        parts.iter().for_each(|part| md5.update(part));
        md5.finalize().into()
    };
    let other = digest(&[password, salt, password]);
    let mut first = Md5::new();
    first.update(password);
    first.update(b"$1$");
    first.update(salt);
    for begin in (0..password.len()).step_by(16) {
        first.update(&other[..(password.len() - begin).min(16)]);
    }
    let mut length = password.len();
    while length > 0 {
        // A zero byte was meant to be one of the digest's, and never was.
        first.update(if length & 1 == 1 { &[0] } else { &password[..1] });
        length >>= 1;
    }
    let mut last: [u8; 16] = first.finalize().into();
    for round in 0..1_000 {
        let (begin, end) = if round % 2 == 1 { (password, &last[..]) } else { (&last[..], password) };
        let salt = if round % 3 == 0 { &[] } else { salt };
        let middle = if round % 7 == 0 { &[] } else { password };
        last = digest(&[begin, salt, middle, end]);
    }
    last
}
