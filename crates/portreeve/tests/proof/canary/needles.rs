//! Secrets that are told from all else, and a search for them in whatever form they may have been written down: as they are, in
//! base64, in hexadecimal, percent-encoded, in UTF-16, in lower case; and for every twelve bytes of any of these.

use std::{cell::RefCell, collections::HashMap};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE},
};

/// So many bytes in a row are no chance.
const PIECE: usize = 12;
/// The shortest secret that can be told from all else in each of its forms.
const SHORTEST: usize = 20;

/// What is looked for.
pub struct Needles {
    /// What each is, and the secret itself.
    secrets: Vec<(String, String)>,
    pieces: HashMap<[u8; PIECE], usize>,
    /// Whether there is a piece that begins with three bytes: a bit for each three.
    begins: Vec<u64>,
    leaks: RefCell<Vec<String>>,
}

/// A piece of a secret, and where it was.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    pub what: String,
    pub at: usize,
}

fn slot(bytes: &[u8]) -> (usize, u64) {
    let number = usize::from(bytes[0]) << 16 | usize::from(bytes[1]) << 8 | usize::from(bytes[2]);
    (number / 64, 1 << (number % 64))
}

/// Every way in which these bytes may have been written.
fn forms(secret: &[u8]) -> Vec<Vec<u8>> {
    let hex = |digits: fn(u8) -> String| secret.iter().map(|byte| digits(*byte)).collect::<String>().into_bytes();
    let mut all = vec![
        secret.to_vec(),
        // As names are folded.
        secret.to_ascii_lowercase(),
        hex(|byte| format!("{byte:02x}")),
        hex(|byte| format!("{byte:02X}")),
        hex(|byte| format!("%{byte:02X}")),
        hex(|byte| format!("%{byte:02x}")),
        secret.iter().flat_map(|byte| [*byte, 0]).collect(),
    ];
    // How base64 looks depends on how many bytes stand before, and the letters at both ends on what they are.
    for before in 0..3 {
        let mut bytes = vec![0; before];
        bytes.extend_from_slice(secret);
        for text in [STANDARD.encode(&bytes), URL_SAFE.encode(&bytes)] {
            let whole = bytes.len() / 3 * 4;
            all.push(text.as_bytes()[(before * 8).div_ceil(6)..whole].to_vec());
        }
    }
    all
}

impl Needles {
    pub fn new() -> Self {
        Self { secrets: Vec::new(), pieces: HashMap::new(), begins: vec![0; (1 << 24) / 64], leaks: RefCell::default() }
    }

    /// A secret of our own making.
    pub fn invent(&mut self, chance: &mut fastrand::Rng, what: &str) -> String {
        let secret: String = (0..32).map(|_| chance.alphanumeric()).collect();
        self.note(what, &secret);
        secret
    }

    /// One that somebody else made.
    pub fn note(&mut self, what: &str, secret: &str) {
        assert!(secret.len() >= SHORTEST, "{what} would be found by chance");
        let number = self.secrets.len();
        self.secrets.push((what.to_owned(), secret.to_owned()));
        for form in forms(secret.as_bytes()) {
            for piece in form.windows(PIECE) {
                let (word, bit) = slot(piece);
                self.begins[word] |= bit;
                self.pieces.insert(piece.try_into().expect("is as long"), number);
            }
        }
    }

    /// Every secret of which a piece is there, each once.
    pub fn find(&self, bytes: &[u8]) -> Vec<Found> {
        let mut found: Vec<Found> = Vec::new();
        for (at, piece) in bytes.windows(PIECE).enumerate() {
            let (word, bit) = slot(piece);
            if self.begins[word] & bit == 0 {
                continue;
            }
            let Some(number) = self.pieces.get(piece) else { continue };
            let what = &self.secrets[*number].0;
            if !found.iter().any(|found| found.what == *what) {
                found.push(Found { what: what.clone(), at });
            }
        }
        found
    }

    /// Notes every secret that is in a place.
    pub fn search(&self, place: &str, bytes: &[u8]) {
        self.search_but(&[], place, bytes);
    }

    /// Notes every secret that is in a place but these.
    pub fn search_but(&self, known: &[&str], place: &str, bytes: &[u8]) {
        for Found { what, at } in self.find(bytes).into_iter().filter(|found| !known.contains(&found.what.as_str())) {
            let around = &bytes[at.saturating_sub(60)..bytes.len().min(at + 60)];
            println!("canary: {what} is in {place}: {:?}", String::from_utf8_lossy(around));
            self.leaks.borrow_mut().push(format!("{what} in {place}"));
        }
    }

    /// Fails if any was where it does not belong, in whatever place.
    pub fn assert_kept(&self) {
        let leaks = self.leaks.borrow();
        assert!(leaks.is_empty(), "{leaks:#?}");
    }

    pub fn len(&self) -> usize {
        self.secrets.len()
    }
}

#[test]
fn whatever_form_a_secret_has_it_is_found() {
    let mut needles = Needles::new();
    let secret = needles.invent(&mut fastrand::Rng::with_seed(7), "a secret");
    let bytes = secret.as_bytes();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let percent: String = bytes.iter().map(|byte| format!("%{byte:02X}")).collect();
    for text in [
        format!("~{secret}~"),
        format!("~{}~", &secret[7..19]),
        STANDARD.encode(format!("a{secret}b")),
        STANDARD.encode(format!("ab{secret}")),
        URL_SAFE.encode(format!("{secret}abc")),
        hex.to_uppercase(),
        hex,
        percent,
        secret.to_lowercase(),
    ] {
        assert_eq!(needles.find(text.as_bytes()).len(), 1, "{text}");
    }
    assert!(needles.find(format!("~{}~", &secret[7..18]).as_bytes()).is_empty());
}
