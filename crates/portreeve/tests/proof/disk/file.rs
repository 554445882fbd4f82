//! A file of the disk: its bytes as its readers see them, and what of them would outlive a loss of power.

use std::collections::BTreeMap;

/// What a disk writes as one.
pub const SECTOR: usize = 512;
/// Contents of one sector that are remembered between two syncs, the durable one among them.
const VERSIONS: usize = 4;

/// Bytes, and what they were when they were last synced.
#[derive(Default, Clone)]
pub struct File {
    bytes: Vec<u8>,
    durable_length: usize,
    unsynced: BTreeMap<usize, Sector>,
}

/// A sector that has been written since it was last synced.
#[derive(Clone)]
struct Sector {
    /// What it held before: first what is durable, then what was written and written over. What it holds now is the file's.
    before: Vec<Vec<u8>>,
    /// A sync of it has failed. The kernel does not try again: it takes another write for a later sync to reach it.
    given_up: bool,
}

impl File {
    pub fn length(&self) -> usize {
        self.bytes.len()
    }

    pub fn read(&self, from: usize, size: usize) -> &[u8] {
        let end = from.saturating_add(size).min(self.bytes.len());
        self.bytes.get(from..end).unwrap_or_default()
    }

    pub fn write(&mut self, at: usize, data: &[u8]) {
        let end = at + data.len();
        self.note(at, end);
        self.bytes.resize(self.bytes.len().max(end), 0);
        self.bytes[at..end].copy_from_slice(data);
    }

    /// Makes it shorter, or longer by zeros.
    pub fn resize(&mut self, length: usize) {
        self.note(length, self.bytes.len());
        self.bytes.resize(length, 0);
    }

    /// Keeps what the sectors of these bytes held.
    fn note(&mut self, from: usize, to: usize) {
        for number in from / SECTOR..to.div_ceil(SECTOR) {
            let held = self.read(number * SECTOR, SECTOR).to_vec();
            let Some(sector) = self.unsynced.get_mut(&number) else {
                self.unsynced.insert(number, Sector { before: vec![held], given_up: false });
                continue;
            };
            sector.given_up = false;
            if sector.before.len() == VERSIONS {
                sector.before.remove(1);
            }
            sector.before.push(held);
        }
    }

    /// Everything written so far is durable, but for what an earlier sync has given up.
    pub fn sync(&mut self) {
        self.unsynced.retain(|_, sector| sector.given_up);
        self.durable_length = self.bytes.len();
    }

    /// A sync that fails. What was to be written is still read back, and will not be written.
    pub fn fail_to_sync(&mut self) {
        self.unsynced.values_mut().for_each(|sector| sector.given_up = true);
    }

    /// What is left of it after a loss of power: what is durable, or by chance, for each sector, that or anything that was
    /// written to it since.
    pub fn after_loss(&self, chance: Option<&mut fastrand::Rng>) -> Self {
        let (durable, now) = (self.durable_length, self.bytes.len());
        let Some(chance) = chance else {
            return self.with(durable, |_, sector| sector.before[0].clone());
        };
        let length = match chance.u8(..3) {
            0 => durable,
            1 => now,
            _ => chance.usize(durable.min(now)..=durable.max(now)),
        };
        self.with(length, |number, sector| {
            let which = chance.usize(..=sector.before.len());
            sector.before.get(which).cloned().unwrap_or_else(|| self.read(number * SECTOR, SECTOR).to_vec())
        })
    }

    fn with(&self, length: usize, mut held: impl FnMut(usize, &Sector) -> Vec<u8>) -> Self {
        let mut bytes = self.bytes.clone();
        bytes.resize(length, 0);
        for (&number, sector) in &self.unsynced {
            let (held, begin) = (held(number, sector), number * SECTOR);
            let Some(sector) = bytes.get_mut(begin..(begin + SECTOR).min(length)) else { continue };
            sector.fill(0);
            let size = held.len().min(sector.len());
            sector[..size].copy_from_slice(&held[..size]);
        }
        Self { bytes, durable_length: length, unsynced: BTreeMap::new() }
    }
}
