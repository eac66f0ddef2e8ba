//! Tests of the quota as a whole.

pub(super) mod agreement;
mod simulation;
