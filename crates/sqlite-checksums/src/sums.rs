//! The checksum of SQLite's log, of which those of pages are made too.

/// Two sums, each of which is added to the other at every step.
pub(crate) type Sums = (u32, u32);

/// In which order the four bytes of a number are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Little,
    Big,
}

impl Order {
    pub(crate) const NATIVE: Self = if cfg!(target_endian = "big") { Self::Big } else { Self::Little };
}

/// Goes on with sums over more bytes, of which there are a multiple of 8. See "Checksum Algorithm" in SQLite's file format.
pub(crate) fn add(order: Order, sums: Sums, bytes: &[u8]) -> Sums {
    match order {
        Order::Little => add_with(u32::from_le_bytes, sums, bytes),
        Order::Big => add_with(u32::from_be_bytes, sums, bytes),
    }
}

fn add_with(number: impl Fn([u8; 4]) -> u32, (mut first, mut second): Sums, bytes: &[u8]) -> Sums {
    for &[a, b, c, d, e, f, g, h] in bytes.as_chunks::<8>().0 {
        first = first.wrapping_add(number([a, b, c, d])).wrapping_add(second);
        second = second.wrapping_add(number([e, f, g, h])).wrapping_add(first);
    }
    (first, second)
}

/// The number at a place of a file's head; 0 beyond its end.
pub(crate) fn number(order: Order, bytes: &[u8], at: usize) -> u32 {
    let four = bytes.get(at..).and_then(<[u8]>::first_chunk).copied().unwrap_or_default();
    match order {
        Order::Little => u32::from_le_bytes(four),
        Order::Big => u32::from_be_bytes(four),
    }
}

/// Both sums, where they are kept one behind the other.
pub(crate) fn kept(order: Order, bytes: &[u8], at: usize) -> Sums {
    (number(order, bytes, at), number(order, bytes, at + 4))
}
