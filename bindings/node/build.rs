//! Lets the module take Node's own symbols at load.

fn main() {
    napi_build::setup();
}
