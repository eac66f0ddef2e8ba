//! The client of the whole process, which the free function uses.
#![expect(unsafe_code, reason = "the only test of its process sets the environment")]

use ikcrm::{Error, OpportunityUpdate, reset_client, update_opportunity};

#[test]
fn a_reset_reads_the_environment_anew() {
    let update = OpportunityUpdate::new();
    let invalid = || matches!(update_opportunity(0, &update), Err(Error::Validation { .. }));
    let unset = || matches!(update_opportunity(0, &update), Err(Error::Config { .. }));
    // SAFETY: no other thread runs.
    unsafe { std::env::set_var("IKCRM_TOKEN", "a-token") };
    assert!(invalid());
    // SAFETY: no other thread runs.
    unsafe { std::env::set_var("IKCRM_TIMEOUT", "soon") };
    assert!(invalid(), "settings are read once");
    reset_client();
    assert!(unset(), "settings are read anew");
}
