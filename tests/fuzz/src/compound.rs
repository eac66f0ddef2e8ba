//! A compound file around a stream, for the cells of an `.xls` file.

const SECTOR: usize = 512;
const END: u32 = 0xFFFF_FFFE;
const FREE: u32 = 0xFFFF_FFFF;
const TABLE: u32 = 0xFFFF_FFFD;

/// A file with the stream `Workbook`, of at most some 60 KB.
pub(crate) fn around(stream: &[u8]) -> Vec<u8> {
    let mut stream = stream.to_vec();
    stream.resize(stream.len().max(4096).next_multiple_of(SECTOR), 0);
    let count = u32::try_from(stream.len() / SECTOR).expect("it is small");
    let mut links = vec![TABLE, END];
    links.extend((3..count + 2).chain([END]));
    links.resize(SECTOR / 4, FREE);
    let mut file = Vec::from(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1");
    file.resize(24, 0);
    for word in [0x003E_u16, 3, 0xFFFE, 9, 6, 0, 0, 0] {
        file.extend(word.to_le_bytes());
    }
    // One table, the folder in the sector 1, no small streams, no table of tables.
    for word in [0, 1, 1, 0, 4096, END, 0, END, 0, 0] {
        file.extend(word.to_le_bytes());
    }
    file.resize(SECTOR, 0xFF);
    file.extend(links.into_iter().flat_map(u32::to_le_bytes));
    file.extend(entry("Root Entry", 5, END, 0));
    file.extend(entry("Workbook", 2, 2, u32::try_from(stream.len()).expect("it is small")));
    file.resize(3 * SECTOR, 0);
    file.extend(stream);
    file
}

fn entry(name: &str, kind: u8, start: u32, length: u32) -> Vec<u8> {
    let mut bytes: Vec<_> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
    bytes.resize(64, 0);
    bytes.extend([u8::try_from(name.len() * 2 + 2).expect("it is short"), 0, kind, 1]);
    for word in [FREE, FREE, if kind == 5 { 1 } else { FREE }] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.resize(116, 0);
    bytes.extend(start.to_le_bytes());
    bytes.extend(length.to_le_bytes());
    bytes.resize(128, 0);
    bytes
}
