//! Shows recorded runs of the Raft lab. `trace` reads them, `story` tells each event in words,
//! `log` shows them in columns, `view` as a page;
//! `picture` as a
//! drawing; `export` writes them for other viewers. `report` puts reports of many runs together.

#![forbid(unsafe_code)]

pub mod export;
pub mod log;
pub mod picture;
pub mod report;
pub mod story;
pub mod trace;
pub mod view;
