//! The quota's window: no stretch of `per` ever counts more than `calls`, whatever the calls' fates and
//! whatever stands in the file that processes share, and who waits long enough gets a slot.

use std::num::NonZeroUsize;
use std::time::Duration;

use arbitrary::{Result, Unstructured};
use ikcrm::fuzz::Window;

/// How long after its deadline a call may be counted yet.
const LATE: Duration = Duration::from_secs(10);
/// A block is no longer, nor longer than six windows.
const LONGEST_BLOCK: Duration = Duration::from_secs(600);
/// The longest window that a file may tell of, and how long a call in it may be open.
const LONGEST: Duration = Duration::from_secs(3600);

pub(crate) fn run(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let Ok(mut model) = Model::new(&mut input) else { return };
    while !input.is_empty() && model.step(&mut input).is_ok() {}
    model.check_end();
}

/// A call that took a slot.
#[derive(Debug)]
struct Call {
    id: u64,
    sent: Duration,
    deadline: Duration,
}

/// The window, and what the CRM has seen of those who use it.
struct Model {
    window: Window,
    calls: usize,
    per: Duration,
    /// The longest window that may be known: others may have used the quota before.
    longest: Duration,
    now: Duration,
    ids: u64,
    open: Vec<Call>,
    /// When the CRM counted each call.
    counted: Vec<Duration>,
    /// No slot can be had before this.
    not_before: Duration,
    /// By this all slots are free.
    free_by: Duration,
}

impl Model {
    fn new(input: &mut Unstructured<'_>) -> Result<Self> {
        let calls = NonZeroUsize::MIN.saturating_add(input.int_in_range(0..=11)?);
        let per = Duration::from_millis(input.int_in_range(1..=20_000)?);
        let now = Duration::from_millis(input.arbitrary::<u32>()?.into());
        let content = usize::from(input.arbitrary::<u8>()?);
        let used = Window::in_file(calls, per, input.bytes(content.min(input.len()))?, now);
        let (longest, free_by) = match used {
            Some(_) => (LONGEST, now + LONGEST * 7),
            None => (per, now),
        };
        Ok(Self {
            window: used.unwrap_or_else(|| Window::new(calls, per)),
            calls: calls.get(),
            per,
            longest,
            now,
            ids: 0,
            open: Vec::new(),
            counted: Vec::new(),
            not_before: Duration::ZERO,
            free_by,
        })
    }

    fn step(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        match input.int_in_range(0..=8_u8)? {
            0 | 1 => self.now += Duration::from_millis(input.arbitrary::<u16>()?.into()),
            2 => self.now += Duration::from_millis(input.arbitrary::<u32>()?.into()),
            3 | 4 => self.take(input)?,
            5 => self.settle(input)?,
            6 => self.block(input)?,
            7 => self.pass_on(),
            _ => self.look(),
        }
        Ok(())
    }

    fn take(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        let timeout = Duration::from_millis(input.int_in_range(1..=60_000)?);
        let ahead = input.int_in_range(0..=20_usize)?.saturating_sub(10);
        self.ids += 1;
        let (id, hold) = (self.ids, timeout + self.per);
        match self.window.take(id, hold, ahead, self.now) {
            None => {
                assert!(self.now >= self.not_before, "a slot before the time that was told");
                if input.ratio(1, 8)? {
                    // The answer got lost: asked again, it is the same slot.
                    assert_eq!(self.window.take(id, hold, ahead, self.now), None);
                }
                self.free_by = self.free_by.max(self.now + timeout + LATE + self.longest);
                self.open.push(Call { id, sent: self.now, deadline: self.now + timeout });
            }
            Some(wait) if ahead == 0 => {
                assert!(!wait.is_zero(), "no slot, and no time to wait");
                // Of limits that others had, one may be forgotten before.
                let wait = if self.longest == self.per { wait } else { Duration::ZERO };
                self.not_before = self.not_before.max(self.now.saturating_add(wait));
            }
            Some(_) => {}
        }
        Ok(())
    }

    fn settle(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        if self.open.is_empty() {
            return Ok(());
        }
        let call = self.open.swap_remove(input.choose_index(self.open.len())?);
        let part = input.arbitrary::<u8>()?;
        match input.int_in_range(0..=3_u8)? {
            0 => {
                self.window.unsent(call.id, self.now);
                self.not_before = Duration::ZERO;
            }
            1 => {
                self.window.unknown(call.id, self.now);
                let late = call.deadline.max(self.now.min(call.deadline) + LATE);
                self.counted.push(between(call.sent, late, part));
                self.free_by = self.free_by.max(self.now + LATE + self.longest);
            }
            // The answer came, by the deadline.
            _ if self.now <= call.deadline => {
                self.window.answered(call.id, self.now);
                self.counted.push(between(call.sent, self.now, part));
                self.free_by = self.free_by.max(self.now + self.longest);
            }
            _ => self.counted.push(between(call.sent, call.deadline + LATE, part)),
        }
        Ok(())
    }

    fn block(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        let duration = match input.arbitrary::<u8>()? {
            0 => Duration::from_secs(input.arbitrary()?),
            _ => Duration::from_millis(input.arbitrary::<u16>()?.into()),
        };
        self.window.block(duration, self.now);
        // Within bounds, which depend on the windows that were seen.
        let (least, most) = (duration.min(LONGEST_BLOCK), LONGEST_BLOCK.max(self.longest * 6));
        self.not_before = self.not_before.max(self.now + least);
        self.free_by = self.free_by.max(self.now + duration.min(most));
        Ok(())
    }

    /// Another process goes on where this one was, by the file that they share.
    fn pass_on(&mut self) {
        let before = self.window.usage(self.now);
        self.window.pass_on(self.now);
        let after = self.window.usage(self.now);
        // What windows shorter than this one do not count is forgotten, and waited for.
        let before = if self.longest == self.per { before } else { (after.0, before.1) };
        assert_eq!(after, before, "not what was written");
    }

    /// What is told is what would happen.
    fn look(&mut self) {
        let (_, next) = self.window.usage(self.now);
        let taken = self.window.clone().take(0, self.per, 0, self.now);
        assert_eq!(taken.unwrap_or_default(), next);
    }

    fn check_end(mut self) {
        let open = std::mem::take(&mut self.open);
        self.counted.extend(open.iter().map(|call| between(call.sent, call.deadline + LATE, 128)));
        self.counted.sort_unstable();
        for (first, last) in self.counted.iter().zip(self.counted.iter().skip(self.calls)) {
            assert!(
                last.saturating_sub(*first) >= self.per,
                "{} calls and one within {:?}",
                self.calls,
                self.per
            );
        }
        let end = self.free_by.max(self.now);
        // Who comes for the first time waits for what windows shorter than his do not know.
        let wait = self.window.take(0, self.per, 0, end).unwrap_or_default();
        assert!(wait < self.longest || wait.is_zero(), "{wait:?}");
        let taken = self.window.take(0, self.per, 0, end + wait);
        assert_eq!(taken, None, "everything is over, and there is no slot");
    }
}

/// A moment from `first` to `last`.
fn between(first: Duration, last: Duration, part: u8) -> Duration {
    first + last.saturating_sub(first) * part.into() / u8::MAX.into()
}
