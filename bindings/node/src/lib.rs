//! The core for Node: converts, calls and maps the error. The package is in `node/`.

pub mod answer;
mod call;
pub mod cancel;
pub mod client;
pub mod completion;
mod decode;
pub mod events;
mod hooks;
pub mod job;
pub mod list;
mod names;
pub mod sandbox;
mod value;
