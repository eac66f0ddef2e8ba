//! The stream of an `.xls` file that holds its cells, out of the compound file around it. It only
//! reads on where every chain of sectors ends: what reads the cells later follows the same chains.

/// Where a chain ends.
const END: u32 = 0xFFFF_FFFE;
/// What is above names no sector.
const RESERVED: u32 = 0xFFFF_FFFA;
const HEADER: usize = 512;
/// Smaller streams stand in sectors of their own kind.
const SMALL: usize = 4096;
const SMALL_SECTOR: usize = 64;

/// The stream `Workbook`, or what is wrong.
pub(super) fn workbook(file: &[u8]) -> Result<Vec<u8>, &'static str> {
    let sectors = Sectors::new(file)?;
    let table = sectors.table()?;
    let first = sectors.word(48)?;
    let entries = chain(first, &table, |id| sectors.get(id), usize::MAX)?;
    let entries: Vec<_> =
        entries.chunks_exact(128).filter_map(|bytes| Entry::new(bytes, sectors.size)).collect();
    let root = entries.first().ok_or("it has no folder")?;
    let wanted = |name: &str| entries.iter().find(|entry| entry.name.eq_ignore_ascii_case(name));
    let entry = wanted("Workbook").or_else(|| wanted("Book")).ok_or("it has no workbook")?;
    // Read even where it is not used, for the reader of the cells does so.
    let small = sectors.small(root, &table)?;
    if entry.length >= SMALL {
        return chain(entry.start, &table, |id| sectors.get(id), entry.length);
    }
    let (data, table) = small;
    chain(entry.start, &table, |id| piece(&data, place(id)? * SMALL_SECTOR, SMALL_SECTOR), SMALL)
        .map(|mut data| {
            data.truncate(entry.length);
            data
        })
}

/// A stream in the folder of the file.
struct Entry {
    name: String,
    start: u32,
    length: usize,
}

impl Entry {
    fn new(bytes: &[u8], sector_size: usize) -> Option<Self> {
        let units = bytes.get(..64)?.chunks_exact(2).filter_map(|two| two.try_into().ok());
        let units: Vec<_> = units.map(u16::from_le_bytes).take_while(|unit| *unit != 0).collect();
        // Only a file of large sectors has more digits of a length.
        let more = if sector_size > HEADER { word(bytes, 124)? } else { 0 };
        let length = if more > 0 { usize::MAX } else { place(word(bytes, 120)?)? };
        Some(Self { name: String::from_utf16_lossy(&units), start: word(bytes, 116)?, length })
    }
}

/// The parts of the file that its chains are made of.
struct Sectors<'f> {
    file: &'f [u8],
    size: usize,
}

impl<'f> Sectors<'f> {
    fn new(file: &'f [u8]) -> Result<Self, &'static str> {
        let size = match file.get(30..32) {
            Some([9, 0]) => 512,
            Some([12, 0]) => 4096,
            _ => return Err("its sectors have no size"),
        };
        if file.len() < HEADER.max(size) {
            return Err("it is cut short");
        }
        Ok(Self { file, size })
    }

    fn word(&self, at: usize) -> Result<u32, &'static str> {
        word(self.file, at).ok_or("it is cut short")
    }

    fn get(&self, id: u32) -> Option<&'f [u8]> {
        piece(self.file, place(id)?.checked_add(1)?.checked_mul(self.size)?, self.size)
    }

    /// Which sector follows each.
    fn table(&self) -> Result<Vec<u32>, &'static str> {
        let mut parts = words(self.file.get(76..HEADER).unwrap_or_default());
        let mut next = self.word(68)?;
        let mut read = 0;
        while next < RESERVED {
            read += 1;
            if read > self.file.len() / self.size {
                return Err("its sectors go in a circle");
            }
            parts.extend(words(self.get(next).ok_or("a sector is missing")?));
            next = parts.pop().unwrap_or(END);
        }
        let mut table = Vec::new();
        for part in parts.into_iter().filter(|part| *part < 0xFFFF_FFFC) {
            table.extend(words(self.get(part).ok_or("a sector is missing")?));
            if table.len() > self.file.len() {
                return Err("its sectors go in a circle");
            }
        }
        Ok(table)
    }

    /// The small streams, one after the other, and which of their sectors follows each.
    fn small(&self, root: &Entry, table: &[u32]) -> Result<(Vec<u8>, Vec<u32>), &'static str> {
        let count = place(self.word(64)?).unwrap_or(usize::MAX);
        if count == 0 {
            return Ok((Vec::new(), Vec::new()));
        }
        let data = chain(root.start, table, |id| self.get(id), root.length)?;
        let length = count.saturating_mul(self.size);
        let followers = chain(self.word(60)?, table, |id| self.get(id), length)?;
        Ok((data, words(&followers)))
    }
}

/// The bytes of a chain, at most so many.
fn chain<'s>(
    start: u32,
    table: &[u32],
    sector: impl Fn(u32) -> Option<&'s [u8]>,
    length: usize,
) -> Result<Vec<u8>, &'static str> {
    let (mut bytes, mut next, mut read) = (Vec::new(), start, 0);
    while next != END && bytes.len() < length {
        read += 1;
        if read > table.len() + 1 {
            return Err("its sectors go in a circle");
        }
        let sector = sector(next).ok_or("a sector is missing")?;
        bytes.extend_from_slice(sector);
        let following = place(next).and_then(|place| table.get(place));
        next = *following.filter(|_| bytes.len() < length).unwrap_or(&END);
    }
    bytes.truncate(length);
    Ok(bytes)
}

/// As much of these bytes as there is.
fn piece(bytes: &[u8], start: usize, length: usize) -> Option<&[u8]> {
    let end = start.checked_add(length)?.min(bytes.len());
    bytes.get(start..end).filter(|bytes| !bytes.is_empty())
}

fn place(id: u32) -> Option<usize> {
    usize::try_from(id).ok()
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}

fn words(bytes: &[u8]) -> Vec<u32> {
    bytes.chunks_exact(4).filter_map(|four| four.try_into().ok()).map(u32::from_le_bytes).collect()
}
