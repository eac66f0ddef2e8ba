//! `Block`: sixteen bytes of a JSON text, looked at all at once.

use wide::u8x16;

/// How many bytes a block has.
pub(super) const BLOCK: usize = 16;

/// Some bytes of a text.
pub(super) struct Block(u8x16);

impl Block {
    #[inline]
    pub(super) fn new(bytes: &[u8; BLOCK]) -> Self {
        Self(u8x16::new(*bytes))
    }

    /// How many bytes come before one that ends a string or may not stand in it.
    #[inline]
    pub(super) fn plain(&self) -> usize {
        let control = self.0.min(u8x16::splat(0x1F)).simd_eq(self.0);
        first(self.is(b'"') | self.is(b'\\') | control)
    }

    /// Marks the bytes that are this one.
    #[inline]
    fn is(&self, byte: u8) -> u8x16 {
        self.0.simd_eq(u8x16::splat(byte))
    }
}

/// How many bytes come before the first that is marked.
#[inline]
fn first(marks: u8x16) -> usize {
    let marks = marks.to_bitmask() | (1 << BLOCK);
    marks.trailing_zeros() as usize
}
