//! Tests of the quota as a whole.

mod agreement;
mod simulation;
