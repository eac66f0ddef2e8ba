//! Retry-After, the decision that follows and the block: any header, at any time, ends within bounds.

use std::num::NonZeroUsize;
use std::time::Duration;

use arbitrary::{Result, Unstructured};
use http::HeaderValue;
use ikcrm::fuzz::{self, Window};
use jiff::Timestamp;

const PER: Duration = Duration::from_secs(10);
/// Asked to wait longer than this, the core may take it for this.
const LONG: Duration = Duration::from_secs(24 * 3600);

pub(crate) fn run(data: &[u8]) {
    check(&mut Unstructured::new(data)).ok();
}

fn check(input: &mut Unstructured<'_>) -> Result<()> {
    let now = timestamp(input)?;
    let header = match input.int_in_range(0..=2_u8)? {
        0 => seconds(input, now)?,
        1 => date(input, now)?,
        _ => HeaderValue::from_bytes(input.arbitrary()?).ok(),
    };
    let asked = header.and_then(|header| fuzz::retry_after(header, now));
    check_decision(input, asked)?;
    check_block(asked.unwrap_or_default().max(PER));
    Ok(())
}

fn timestamp(input: &mut Unstructured<'_>) -> Result<Timestamp> {
    let seconds = input.int_in_range(0..=Timestamp::MAX.as_second())?;
    Ok(Timestamp::from_second(seconds).unwrap_or_default())
}

/// A number of seconds is that long.
fn seconds(input: &mut Unstructured<'_>, now: Timestamp) -> Result<Option<HeaderValue>> {
    let number = input.arbitrary::<u64>()? >> input.int_in_range(0..=63_u8)?;
    let header = HeaderValue::from(number);
    check_length(fuzz::retry_after(header.clone(), now), Duration::from_secs(number));
    Ok(Some(header))
}

/// A date is as far away as it is.
fn date(input: &mut Unstructured<'_>, now: Timestamp) -> Result<Option<HeaderValue>> {
    let at = timestamp(input)?;
    let text = at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let Ok(header) = HeaderValue::try_from(text) else { return Ok(None) };
    let left = Duration::try_from(at.duration_since(now)).unwrap_or_default();
    check_length(fuzz::retry_after(header.clone(), now), left);
    Ok(Some(header))
}

fn check_length(read: Option<Duration>, meant: Duration) {
    let read = read.unwrap_or_else(|| panic!("{meant:?} was not read"));
    assert_eq!(read.min(LONG), meant.min(LONG));
}

fn check_decision(input: &mut Unstructured<'_>, asked: Option<Duration>) -> Result<()> {
    let (most, attempt): (u32, u32) = (input.int_in_range(0..=10)?, input.arbitrary()?);
    let left = Duration::from_millis(input.arbitrary::<u32>()?.into());
    let jitter = f64::from(input.arbitrary::<u8>()?) / 256.0;
    let (retryable, timed_out) = (input.arbitrary()?, input.arbitrary()?);
    let error = fuzz::failure(timed_out, retryable);
    if let Some(wait) = fuzz::retry(most, attempt, &error, asked, left, jitter) {
        assert!(wait < left, "a wait of {wait:?} with {left:?} left");
        assert!(attempt < most && retryable && !timed_out);
        assert_eq!(wait, asked.unwrap_or(wait));
    }
    Ok(())
}

/// While everybody is to wait, nobody passes.
fn check_block(asked: Duration) {
    let mut window = Window::new(NonZeroUsize::MIN, PER);
    let now = Duration::from_secs(1_000_000);
    window.block(asked, now);
    let wait = window.take(1, PER, 0, now).unwrap_or_default();
    assert!(wait >= PER, "blocked for {asked:?}, and a slot in {wait:?}");
}
