//! What cells take in memory where a whole sheet is read at once. Pure.

/// A cell of a table, and one that has its place besides.
pub(super) const DATA: u64 = 24;
pub(super) const CELL: u64 = 32;
/// What a text takes besides its characters.
pub(super) const TEXT: u64 = 24;

/// Cells as they are counted.
#[derive(Debug, Default)]
pub(super) struct Cells {
    count: u64,
    texts: u64,
    /// The first and last row and column.
    spread: Option<[u32; 4]>,
}

impl Cells {
    /// One more cell with a text of so many bytes; one without a place stands where the last one does.
    pub(super) fn put(&mut self, place: Option<(u32, u32)>, text: u64) {
        self.count += 1;
        self.texts = self.texts.saturating_add(if text > 0 { text + TEXT } else { 0 });
        let Some((row, column)) = place else { return };
        let [top, bottom, left, right] = self.spread.unwrap_or([row, row, column, column]);
        let rows = [top.min(row), bottom.max(row)];
        self.spread = Some([rows[0], rows[1], left.min(column), right.max(column)]);
    }

    /// What a table with a place for each cell takes.
    pub(super) fn kept(&self) -> u64 {
        let [top, bottom, left, right] = self.spread.unwrap_or_default().map(u64::from);
        (bottom - top + 1).saturating_mul(right - left + 1).saturating_mul(DATA) + self.texts
    }

    /// What a list of the cells takes for which so much memory was asked for; one that grows is there
    /// twice, and half of it empty.
    pub(super) fn listed(&self, asked: u64) -> u64 {
        let needed = self.count.saturating_mul(CELL);
        if asked < needed { needed.saturating_mul(3).max(asked) } else { asked }
    }
}
