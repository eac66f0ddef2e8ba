//! How large things may be.

/// The largest answer that is read, packed or not.
pub(super) const MAX_ANSWER: u64 = 8 * 1024 * 1024;
/// Holds the answer's 4 KB and the request's few hundred bytes; no head or line may be longer.
pub(super) const BUFFER: usize = 16 * 1024;
