//! `State`: what the quota's file holds, its form in bytes, and what to believe of it. Pure.
//!
//! The form, all numbers with the lowest byte first, times in nanoseconds:
//!
//! | what | bytes |
//! |---|---|
//! | `ikcrmquo` | 8 |
//! | the length of it all, the version | 4, 2 |
//! | salt, when it began, writes so far, when it was written, until when nobody passes | 16, 4 × 8 |
//! | clocks: how many, each | 1, 16 |
//! | windows: how many | 2 |
//! | each: its name, until when it is blocked | 16, 8 |
//! | its limits: how many; each: calls, per, last seen | 1; 2, 8, 8 |
//! | its slots: how many; each: id, since, open, in flight | 2; 8, 8, 8, 1 |
//! | the first half of the SHA-256 of all before | 16 |

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use ring::digest::{SHA256, digest};

use super::super::window::{Limit, Slot, Window, moved};

/// How much is read and written at most.
pub(super) const MOST_BYTES: usize = 64 * 1024;
/// How long nobody passes at most after a state was lost.
pub(super) const LONGEST_LOSS: Duration = Duration::from_secs(600);

const MAGIC: [u8; 8] = *b"ikcrmquo";
const VERSION: u16 = 1;
/// How many clocks are remembered.
const MOST_CLOCKS: usize = 8;

/// Sixteen bytes that name something: a file, a clock, a window, a content.
pub(in crate::quota) type Name = [u8; 16];

/// The file system's own name of a file: its device and inode.
pub(in crate::quota) type FileId = (u64, u64);

/// The windows of one file.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct State {
    /// Random, anew for each beginning: it names the state, and hides the windows' names.
    pub(super) salt: Name,
    pub(super) began: Duration,
    pub(super) writes: u64,
    pub(super) written_at: Duration,
    /// Until when nobody passes, since something was lost.
    pub(super) lost_until: Duration,
    /// By which clocks it was written, the newest last.
    pub(super) clocks: Vec<Name>,
    pub(super) windows: BTreeMap<Name, Window>,
}

/// Why bytes are no state.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Unreadable {
    /// Nothing was ever written.
    Empty,
    Damaged,
    /// Whole, but in a form of later days.
    Version(u16),
}

/// What a process knows of the file from its last use.
#[derive(Debug, Clone, Default)]
pub(in crate::quota) struct Memory {
    pub(super) seen: Option<Seen>,
    /// The longest time that a slot was seen to be held.
    pub(super) longest: Duration,
}

/// The state that a process saw last.
#[derive(Debug, Clone, Copy)]
pub(in crate::quota) struct Seen {
    /// In which file, where files have names of their own.
    pub(super) file: Option<FileId>,
    pub(super) salt: Name,
    pub(super) writes: u64,
    /// When.
    pub(super) at: Duration,
}

/// What is true where the file is read.
#[derive(Debug, Clone, Copy)]
pub(in crate::quota) struct Here {
    pub(in crate::quota) now: Duration,
    pub(in crate::quota) clock: Name,
    pub(in crate::quota) file: Option<FileId>,
    /// How long the caller's slot would be held.
    pub(in crate::quota) hold: Duration,
    /// Should a state begin.
    pub(in crate::quota) salt: Name,
}

/// Why a state must not be used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::quota) enum Refused {
    Version(u16),
    /// Systems with clocks of their own take turns.
    Clocks,
}

/// A state after a use of it.
#[derive(Debug)]
pub(in crate::quota) struct Used<T> {
    pub(in crate::quota) result: T,
    pub(in crate::quota) bytes: Vec<u8>,
    /// Whether something was lost before.
    pub(in crate::quota) lost: bool,
    /// What to know when the bytes are written.
    pub(in crate::quota) memory: Memory,
}

/// Does something with the window of this name in the state that these bytes hold.
pub(in crate::quota) fn change<T>(
    bytes: &[u8],
    here: Here,
    memory: &Memory,
    name: &str,
    work: impl FnOnce(&mut Window, Duration) -> T,
) -> Result<Used<T>, Refused> {
    let (mut state, lost) = State::open(bytes, here, memory)?;
    let result = work(state.window(name), here.now);
    state.writes += 1;
    state.forget();
    let longest = memory.longest.max(here.hold).max(state.longest_hold()).min(LONGEST_LOSS);
    let Here { file, now: at, .. } = here;
    let seen = Some(Seen { file, salt: state.salt, writes: state.writes, at });
    Ok(Used { result, bytes: state.encode(), lost, memory: Memory { seen, longest } })
}

impl State {
    /// The state that these bytes hold, as far as it can be believed, and whether something was lost.
    pub(super) fn open(bytes: &[u8], here: Here, memory: &Memory) -> Result<(Self, bool), Refused> {
        let Here { now, clock, file, hold, salt } = here;
        let longest = memory.longest.max(hold).min(LONGEST_LOSS);
        let begin = |lost_until| {
            let clocks = vec![clock];
            Self { salt, began: now, written_at: now, lost_until, clocks, ..Self::default() }
        };
        let mut state = match Self::decode(bytes) {
            Ok(state) => state,
            Err(Unreadable::Version(version)) => return Err(Refused::Version(version)),
            Err(Unreadable::Empty) if memory.seen.is_none() => {
                return Ok((begin(Duration::ZERO), false));
            }
            Err(_) => return Ok((begin(now + longest), true)),
        };
        state.arrive(now, clock)?;
        match memory.seen {
            // It began anew since: what was lost had been taken before.
            Some(seen) if seen.salt != state.salt && seen.at <= state.began => {
                let until = state.lost_until.max(state.began.saturating_add(longest));
                state.lost_until = until;
                Ok((state, until > now))
            }
            // A copy from earlier.
            Some(Seen { file: known, salt, writes, .. })
                if known != file || salt != state.salt || writes > state.writes =>
            {
                Ok((begin(now + longest), true))
            }
            _ => Ok((state, false)),
        }
    }

    /// Goes on at this time of this clock.
    ///
    /// After a restart of the machine another clock counts, and how much time has passed is not
    /// known: what was left is left. A clock that comes back after another one means that both go on.
    fn arrive(&mut self, now: Duration, clock: Name) -> Result<(), Refused> {
        let known = self.clocks.iter().position(|known| *known == clock);
        match known {
            Some(index) if index + 1 == self.clocks.len() => {}
            Some(_) => return Err(Refused::Clocks),
            None => {
                self.clocks.push(clock);
                let old = self.clocks.len().saturating_sub(MOST_CLOCKS);
                self.clocks.drain(..old);
            }
        }
        if known.is_none() || now < self.written_at {
            let before = self.written_at;
            self.began = moved(self.began, before, now);
            self.lost_until = moved(self.lost_until, before, now);
            self.windows.values_mut().for_each(|window| window.go_on_at(now));
        }
        self.written_at = now;
        self.began = self.began.min(now);
        self.lost_until = self.lost_until.min(now + LONGEST_LOSS);
        Ok(())
    }

    /// The window of this name. Names are kept with salt: one may be a telephone number, which a
    /// short hash would not hide.
    pub(super) fn window(&mut self, name: &str) -> &mut Window {
        let window = self.windows.entry(half_of_hash(&[&self.salt, name.as_bytes()].concat()));
        let window = window.or_default();
        window.arrive(self.written_at);
        window.blocked_until = window.blocked_until.max(self.lost_until);
        window
    }

    /// The longest time that anything of it is held.
    pub(super) fn longest_hold(&self) -> Duration {
        let holds = self.windows.values().map(Window::longest_hold);
        holds.max().unwrap_or_default()
    }

    /// Drops the windows in which nothing is left.
    pub(super) fn forget(&mut self) {
        let now = self.written_at;
        self.windows.retain(|_, window| {
            window.arrive(now);
            window.forget();
            !window.is_over()
        });
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(1024);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&self.salt);
        put_time(&mut bytes, self.began);
        bytes.extend_from_slice(&self.writes.to_le_bytes());
        put_time(&mut bytes, self.written_at);
        put_time(&mut bytes, self.lost_until);
        bytes.push(u8::try_from(self.clocks.len()).unwrap_or(u8::MAX));
        self.clocks.iter().for_each(|clock| bytes.extend_from_slice(clock));
        put_count(&mut bytes, self.windows.len());
        for (name, window) in &self.windows {
            bytes.extend_from_slice(name);
            put_window(&mut bytes, window);
        }
        let length = u32::try_from(bytes.len() + size_of::<Name>()).unwrap_or(u32::MAX);
        bytes.splice(8..12, length.to_le_bytes());
        let hash = half_of_hash(&bytes);
        bytes.extend_from_slice(&hash);
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Unreadable> {
        if bytes.is_empty() {
            return Err(Unreadable::Empty);
        }
        let mut content = Reader(checked(bytes).ok_or(Unreadable::Damaged)?);
        let version = content.number().ok_or(Unreadable::Damaged)?;
        if version != VERSION {
            return Err(Unreadable::Version(version));
        }
        content.state().ok_or(Unreadable::Damaged)
    }
}

/// The window as another process finds it in the file, which holds nothing else.
#[cfg(feature = "fuzzing")]
pub(crate) fn passed_on(window: &Window, now: Duration) -> Option<Window> {
    let mut state = State { written_at: now, clocks: vec![Name::default()], ..State::default() };
    window.clone_into(state.window(""));
    state.forget();
    only_window(&state.encode(), now)
}

/// The window in a file with this content: all but the head and the checksum.
#[cfg(feature = "fuzzing")]
pub(crate) fn window_in(content: &[u8], now: Duration) -> Option<Window> {
    let length = u32::try_from(content.len() + 14 + size_of::<Name>()).ok()?;
    let head = [&MAGIC[..], &length.to_le_bytes(), &VERSION.to_le_bytes()].concat();
    let mut bytes = [head.as_slice(), content].concat();
    bytes.extend_from_slice(&half_of_hash(&bytes));
    let mut window = only_window(&bytes, now)?;
    // No name that anybody else has.
    window.slots.iter_mut().for_each(|slot| slot.id |= 1 << 63);
    Some(window)
}

#[cfg(feature = "fuzzing")]
fn only_window(bytes: &[u8], now: Duration) -> Option<Window> {
    let clock = Name::default();
    let here = Here { now, clock, file: None, hold: Duration::ZERO, salt: clock };
    let (mut state, _) = State::open(bytes, here, &Memory::default()).ok()?;
    if let Some((_, window)) = state.windows.pop_first() {
        window.clone_into(state.window(""));
    }
    Some(state.window("").clone())
}

/// What stands between the length and the checksum, if that is right.
fn checked(bytes: &[u8]) -> Option<&[u8]> {
    let (length, _) = bytes.strip_prefix(&MAGIC)?.split_first_chunk()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let (content, hash) = bytes.get(..length)?.split_last_chunk::<16>()?;
    (half_of_hash(content) == *hash).then(|| content.get(12..))?
}

pub(super) fn half_of_hash(bytes: &[u8]) -> Name {
    digest(&SHA256, bytes).as_ref().first_chunk().copied().unwrap_or_default()
}

fn put_window(bytes: &mut Vec<u8>, window: &Window) {
    put_time(bytes, window.blocked_until);
    bytes.push(u8::try_from(window.limits.len()).unwrap_or(u8::MAX));
    for (limit, seen) in &window.limits {
        put_count(bytes, limit.calls.get());
        put_time(bytes, limit.per);
        put_time(bytes, *seen);
    }
    put_count(bytes, window.slots.len());
    for slot in &window.slots {
        bytes.extend_from_slice(&slot.id.to_le_bytes());
        put_time(bytes, slot.since);
        put_time(bytes, slot.open);
        bytes.push(slot.in_flight.into());
    }
}

fn put_time(bytes: &mut Vec<u8>, time: Duration) {
    let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    bytes.extend_from_slice(&nanoseconds.to_le_bytes());
}

fn put_count(bytes: &mut Vec<u8>, count: usize) {
    bytes.extend_from_slice(&u16::try_from(count).unwrap_or(u16::MAX).to_le_bytes());
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*bytes)
    }

    fn byte(&mut self) -> Option<u8> {
        self.bytes().map(|[byte]| byte)
    }

    fn number(&mut self) -> Option<u16> {
        self.bytes().map(u16::from_le_bytes)
    }

    fn long(&mut self) -> Option<u64> {
        self.bytes().map(u64::from_le_bytes)
    }

    fn time(&mut self) -> Option<Duration> {
        self.long().map(Duration::from_nanos)
    }

    fn state(&mut self) -> Option<State> {
        let mut state = State {
            salt: self.bytes()?,
            began: self.time()?,
            writes: self.long()?,
            written_at: self.time()?,
            lost_until: self.time()?,
            ..State::default()
        };
        for _ in 0..self.byte()? {
            state.clocks.push(self.bytes()?);
        }
        for _ in 0..self.number()? {
            let name = self.bytes()?;
            state.windows.insert(name, self.window(state.written_at)?);
        }
        self.0.is_empty().then_some(state)
    }

    fn window(&mut self, now: Duration) -> Option<Window> {
        let blocked_until = self.time()?;
        let mut window = Window { blocked_until, now, ..Window::default() };
        for _ in 0..self.byte()? {
            let calls = NonZeroUsize::new(self.number()?.into())?;
            let limit = Limit { calls, per: self.time()? };
            if calls.get() > Limit::MOST_CALLS || limit.per > Limit::LONGEST || limit.per.is_zero()
            {
                return None;
            }
            window.limits.push((limit, self.time()?));
        }
        for _ in 0..self.number()? {
            let (id, since, open) = (self.long()?, self.time()?, self.time()?);
            window.slots.push(Slot { id, since, open, in_flight: self.byte()? != 0 });
        }
        Some(window)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::window::{Fate, Request, Taken};
    use super::*;

    const LIMIT: Limit = Limit { calls: NonZeroUsize::MIN, per: second(10) };
    const HOLD: Duration = second(40);
    const ONE: Name = [1; 16];
    const OTHER: Name = [2; 16];

    const fn second(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn salt(now: u64) -> Name {
        half_of_hash(&now.to_le_bytes())
    }

    fn here(now: u64) -> Here {
        Here { now: second(now), clock: ONE, file: Some((1, 1)), hold: HOLD, salt: salt(now) }
    }

    /// Takes a slot at this place, and what the file holds then.
    fn take(bytes: &[u8], here: Here, memory: &mut Memory) -> (Taken, Vec<u8>) {
        let request = Request { id: here.now.as_secs(), hold: HOLD, ahead: 0 };
        let work = |window: &mut Window, now| window.take(request, LIMIT, now);
        let used = change(bytes, here, memory, "a", work).unwrap();
        *memory = used.memory;
        (used.result, used.bytes)
    }

    /// A file whose only slot was answered at 1000 s, and what its user knows.
    fn used() -> (Vec<u8>, Memory) {
        let mut memory = Memory::default();
        let (taken, bytes) = take(&[], here(1000), &mut memory);
        assert_eq!(taken, Taken::Slot);
        let (mut state, _) = State::open(&bytes, here(1000), &memory).unwrap();
        state.window("a").settle(1000, Fate::Answered, second(1000));
        (state.encode(), memory)
    }

    #[test]
    fn what_is_written_is_read() {
        let (bytes, memory) = used();
        let (mut state, lost) = State::open(&bytes, here(1003), &memory).unwrap();
        assert!(!lost);
        assert_eq!(state.window("a").usage(LIMIT, 0, second(1003)), (1, second(7)));
        assert_eq!(state.window("b").usage(LIMIT, 0, second(1003)), (0, second(0)));
    }

    #[test]
    fn what_is_over_is_dropped() {
        let (bytes, memory) = used();
        let (mut state, _) = State::open(&bytes, here(1000 + 7200), &memory).unwrap();
        assert_eq!(state.windows.len(), 1);
        state.forget();
        assert!(state.windows.is_empty());
    }

    #[test]
    fn a_restart_of_the_machine_leaves_no_more_time_than_was_left_and_no_less() {
        let (bytes, memory) = used();
        for now in [100_u64, 5000] {
            let after = Here { clock: OTHER, ..here(now) };
            let (taken, bytes) = take(&bytes, after, &mut Memory::default());
            assert_eq!(taken, Taken::Busy(second(10)));
            let (taken, _) =
                take(&bytes, Here { clock: OTHER, ..here(now + 10) }, &mut memory.clone());
            assert_eq!(taken, Taken::Slot);
        }
    }

    #[test]
    fn two_systems_on_one_file_are_refused() {
        let (bytes, memory) = used();
        let (_, bytes) = take(&bytes, Here { clock: OTHER, ..here(50) }, &mut Memory::default());
        assert_eq!(State::open(&bytes, here(1001), &memory), Err(Refused::Clocks));
        let third = Here { clock: [3; 16], ..here(70) };
        let (_, bytes) = take(&bytes, third, &mut Memory::default());
        let again = Here { clock: OTHER, ..here(80) };
        assert_eq!(State::open(&bytes, again, &Memory::default()), Err(Refused::Clocks));
    }

    #[test]
    fn a_file_that_was_lost_blocks_who_knew_it_and_no_longer_than_what_was_lost() {
        let (bytes, memory) = used();
        // Emptied or deleted, garbage, torn, another file, an older copy.
        let mut torn = bytes.clone();
        torn.splice(40..44, [1, 2, 3, 4]);
        let moved = Here { file: Some((1, 2)), ..here(1100) };
        let mut older = memory.clone();
        older.seen.as_mut().unwrap().writes = 99;
        let cases = [
            (&[][..], here(1100), &memory),
            (b"garbage", here(1100), &memory),
            (&torn, here(1100), &memory),
            (&bytes, moved, &memory),
            (&bytes, here(1100), &older),
        ];
        for (bytes, here, memory) in cases {
            let (taken, bytes) = take(bytes, here, &mut memory.clone());
            assert_eq!(taken, Taken::Busy(second(50)), "{bytes:?}");
            // Another one that knew it, much later.
            let later = Here { now: second(1149), ..here };
            assert_eq!(take(&bytes, later, &mut memory.clone()).0, Taken::Busy(second(1)));
            let later = Here { now: second(1150), ..here };
            assert_eq!(take(&bytes, later, &mut memory.clone()).0, Taken::Slot);
            // One that never knew it.
            assert!(matches!(take(&bytes, here, &mut Memory::default()).0, Taken::Busy(_)));
        }
    }

    #[test]
    fn a_state_that_another_began_blocks_who_knew_the_old_one() {
        let (_, memory) = used();
        let (taken, bytes) = take(&[], here(1100), &mut Memory::default());
        assert_eq!(taken, Taken::Slot, "it knows of nothing");
        let (taken, _) = take(&bytes, here(1101), &mut memory.clone());
        assert_eq!(taken, Taken::Busy(second(49)));
    }

    #[test]
    fn a_copy_from_before_an_earlier_loss_is_a_loss_too() {
        let (copy, mut memory) = used();
        let (taken, _) = take(&[], here(1100), &mut memory);
        assert_eq!(taken, Taken::Busy(second(50)));
        assert_eq!(take(&copy, here(1120), &mut memory).0, Taken::Busy(second(50)));
    }

    #[test]
    fn a_later_form_is_refused_and_not_overwritten() {
        let (mut bytes, memory) = used();
        bytes.splice(12..14, 2_u16.to_le_bytes());
        let end = bytes.len() - 16;
        let hash = half_of_hash(&bytes[..end]);
        bytes.splice(end.., hash);
        assert_eq!(State::open(&bytes, here(1001), &memory), Err(Refused::Version(2)));
    }

    #[test]
    fn names_are_hidden() {
        let mut one = State { salt: ONE, ..State::default() };
        let mut other = State { salt: OTHER, ..State::default() };
        one.window("13800000000");
        other.window("13800000000");
        assert_ne!(one.windows.keys().next(), other.windows.keys().next());
    }

    #[test]
    fn a_full_window_fits() {
        let mut state = State::default();
        let limit = Limit { calls: NonZeroUsize::new(1000).unwrap(), per: second(10) };
        for name in ["a", "b"] {
            for id in 0..1000 {
                let request = Request { id, hold: HOLD, ahead: 0 };
                assert_eq!(state.window(name).take(request, limit, second(0)), Taken::Slot);
            }
        }
        assert!(state.encode().len() < MOST_BYTES);
        assert_eq!(State::decode(&state.encode()), Ok(state));
    }

    proptest! {
        #[test]
        fn no_bytes_do_harm(
            mut bytes in proptest::collection::vec(any::<u8>(), 0..400),
            now in any::<u32>(),
        ) {
            // With a checksum that is right, so that the rest is read.
            if bytes.len() > 40 {
                let (end, length) = (bytes.len() - 16, u32::try_from(bytes.len()).unwrap());
                bytes.splice(..8, MAGIC);
                bytes.splice(8..12, length.to_le_bytes());
                bytes.splice(12..14, VERSION.to_le_bytes());
                let hash = half_of_hash(&bytes[..end]);
                bytes.splice(end.., hash);
            }
            let here = here(now.into());
            if let Ok((mut state, _)) = State::open(&bytes, here, &Memory::default()) {
                let wait = state.window("a").usage(LIMIT, 0, here.now).1;
                prop_assert!(wait <= 6 * second(3600), "six of the longest windows: {wait:?}");
                state.forget();
                let (again, _) = State::open(&state.encode(), here, &Memory::default()).unwrap();
                prop_assert_eq!(again, state);
            }
        }
    }
}
