//! A run for viewers that people have already: [`mod@perfetto`] writes Chrome's trace events, [`mod@shiviz`]
//! a log with vector clocks.

mod lanes;
mod perfetto;
mod shiviz;

pub use perfetto::perfetto;
pub use shiviz::shiviz;

use crate::log::seconds;

/// How `viewer log` shows a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// In columns, for people.
    Columns,
    /// Chrome's trace events: <https://ui.perfetto.dev> and chrome://tracing show them.
    Perfetto,
    /// A log with vector clocks: <https://bestchai.bitbucket.io/shiviz/> shows it.
    Shiviz,
}

impl Format {
    /// That with this name.
    ///
    /// # Errors
    /// If there is none: which there are.
    pub fn named(name: &str) -> Result<Format, String> {
        match name {
            "columns" => Ok(Format::Columns),
            "perfetto" => Ok(Format::Perfetto),
            "shiviz" => Ok(Format::Shiviz),
            _ => Err(format!("there is no format '{name}': columns, perfetto, shiviz")),
        }
    }
}
