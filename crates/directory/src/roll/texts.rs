//! The folded texts of all rows, a few hundred to a block, so that a search runs over bytes that lie side by side.

use memchr::memmem::Finder;

use super::bits::Bits;
use crate::entity::FIELD_SEPARATOR;

/// Rows of a block: as many as there are bits in four words.
const BLOCK: usize = 256;
const WORDS: usize = BLOCK / 64;
/// Behind every text. No text holds it, so that nothing is found across two of them.
const END: u8 = 0;
/// Bytes that a block grows by at once, when texts in it become longer.
const SLACK: usize = 1_024;
/// Blocks that one thread searches before another is worth its start.
const BLOCKS_A_THREAD: usize = 256;

/// Texts by the numbers of their rows.
#[derive(Default)]
pub(super) struct Texts {
    blocks: Vec<Block>,
}

#[derive(Default)]
struct Block {
    bytes: Vec<u8>,
    /// Where each row ends, its mark of the end included.
    ends: Vec<u32>,
}

impl Block {
    fn start(&self, row: usize) -> usize {
        if row == 0 { 0 } else { self.ends[row - 1] as usize }
    }

    fn get(&self, row: usize) -> &[u8] {
        &self.bytes[self.start(row)..self.ends[row] as usize - 1]
    }

    fn push(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
        self.bytes.push(END);
        self.ends.push(u32::try_from(self.bytes.len()).unwrap_or(u32::MAX));
    }

    fn replace(&mut self, row: usize, text: &[u8]) {
        let old = self.get(row).len();
        let start = self.start(row);
        // Little at a time: doubled, and shrunk again, blocks would leave holes between them.
        let (longer, room) = (text.len().saturating_sub(old), self.bytes.capacity() - self.bytes.len());
        if longer > room {
            self.bytes.reserve_exact(longer + SLACK);
        }
        self.bytes.splice(start..start + old, text.iter().copied());
        for end in &mut self.ends[row..] {
            *end = u32::try_from(*end as usize + text.len() - old).unwrap_or(u32::MAX);
        }
        if self.bytes.capacity() > 2 * self.bytes.len() + SLACK {
            self.bytes.shrink_to(self.bytes.len() + SLACK);
        }
    }

    /// Notes the rows in which the text is found, in this part of theirs or in any.
    fn search(&self, needle: &Finder<'_>, part: Option<usize>, found: &mut [u64]) {
        let (mut row, mut from) = (0, 0);
        while let Some(offset) = needle.find(&self.bytes[from..]) {
            let at = from + offset;
            while self.ends[row] as usize <= at {
                row += 1;
            }
            let start = self.start(row);
            if part.is_none_or(|part| separators(&self.bytes[start..at]) + 1 == part) {
                found[row / 64] |= 1 << (row % 64);
                from = self.ends[row] as usize;
            } else {
                from = at + 1;
            }
        }
    }
}

fn separators(bytes: &[u8]) -> usize {
    memchr::memchr_iter(FIELD_SEPARATOR as u8, bytes).count()
}

/// One of the parts of a text, from 1; empty if there are not so many.
pub(super) fn part(text: &[u8], number: usize) -> &[u8] {
    text.split(|byte| *byte == FIELD_SEPARATOR as u8).nth(number - 1).unwrap_or_default()
}

impl Texts {
    pub(super) fn get(&self, row: u32) -> &[u8] {
        self.blocks[row as usize / BLOCK].get(row as usize % BLOCK)
    }

    /// Adds a row behind the last.
    pub(super) fn push(&mut self, text: &[u8]) {
        if self.blocks.last().is_none_or(|block| block.ends.len() == BLOCK) {
            // About as long as the one before.
            let length = self.blocks.last().map_or(0, |block| block.bytes.len() + SLACK);
            self.blocks.push(Block { bytes: Vec::with_capacity(length), ends: Vec::with_capacity(BLOCK) });
        }
        if let Some(block) = self.blocks.last_mut() {
            block.push(text);
        }
    }

    pub(super) fn replace(&mut self, row: u32, text: &[u8]) {
        self.blocks[row as usize / BLOCK].replace(row as usize % BLOCK, text);
    }

    /// The memory that they take, in bytes.
    pub(super) fn size(&self) -> usize {
        let of = |block: &Block| size_of::<Block>() + block.bytes.capacity() + 4 * block.ends.capacity();
        self.blocks.iter().map(of).sum()
    }

    /// The rows in which the text is found, in this part of theirs or in any.
    pub(super) fn search(&self, text: &str, part: Option<usize>) -> Bits {
        let mut found = Bits::none(self.blocks.len() * BLOCK);
        let needle = Finder::new(text.as_bytes());
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = cores.min(self.blocks.len() / BLOCKS_A_THREAD).max(1);
        let share = self.blocks.len().div_ceil(threads).max(1);
        let run = |blocks: &[Block], words: &mut [u64]| {
            for (block, words) in blocks.iter().zip(words.chunks_mut(WORDS)) {
                block.search(&needle, part, words);
            }
        };
        std::thread::scope(|scope| {
            let mut shares = self.blocks.chunks(share).zip(found.words_mut().chunks_mut(share * WORDS));
            let own = shares.next();
            for (blocks, words) in shares {
                scope.spawn(move || run(blocks, words));
            }
            if let Some((blocks, words)) = own {
                run(blocks, words);
            }
        });
        found
    }
}

#[cfg(test)]
mod tests {
    use super::{Texts, part};

    fn texts(rows: &[&str]) -> Texts {
        let mut texts = Texts::default();
        rows.iter().for_each(|row| texts.push(row.as_bytes()));
        texts
    }

    fn found(texts: &Texts, text: &str, part: Option<usize>) -> Vec<u32> {
        let bits = texts.search(text, part);
        (0..1_000).filter(|row| bits.has(*row)).collect()
    }

    #[test]
    fn a_text_is_found_in_its_row_and_its_part_alone() {
        let texts = texts(&["ab\u{1}cd", "cd\u{1}ab", "\u{1}", "b\u{1}abab"]);
        assert_eq!(found(&texts, "ab", None), [0, 1, 3]);
        assert_eq!(found(&texts, "ab", Some(1)), [0]);
        assert_eq!(found(&texts, "ab", Some(2)), [1, 3]);
        assert_eq!(found(&texts, "ba", None), [3]);
        assert_eq!(found(&texts, "cdcd", None), [0; 0]);
        assert_eq!((part(b"a\x01b", 2), part(b"a\x01b", 3)), (&b"b"[..], &b""[..]));
    }

    #[test]
    fn texts_can_be_replaced_over_many_blocks() {
        let rows: Vec<String> = (0..700).map(|row| format!("row {row}.")).collect();
        let mut texts = texts(&rows.iter().map(String::as_str).collect::<Vec<_>>());
        texts.replace(0, b"");
        texts.replace(255, b"a much longer text than there was");
        texts.replace(256, b"x");
        for row in 0..700 {
            let expected = match row {
                0 => "",
                255 => "a much longer text than there was",
                256 => "x",
                _ => &rows[row as usize],
            };
            assert_eq!(texts.get(row), expected.as_bytes(), "{row}");
        }
        assert_eq!(found(&texts, "w 699.", None), [699]);
        assert_eq!(found(&texts, "longer", None), [255]);
        assert_eq!(found(&texts, "row 0.", None), [0; 0]);
    }
}
