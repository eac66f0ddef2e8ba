//! The engine against a CRM in memory, with a clock that only waits move.

mod crm;
mod folder;

mod apply;
mod plan;
mod properties;
mod storage;
mod stops;
