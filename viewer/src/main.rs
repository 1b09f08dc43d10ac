//! `viewer log FILE`: what `make log` calls.

#![forbid(unsafe_code)]

use std::io::{BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use viewer::log::{self, Choice, Failed, Look};
use viewer::report::Report;
use viewer::trace::Trace;

/// Shows a recorded run of the Raft lab
#[derive(Parser)]
#[command(version, max_term_width = 100)]
struct Options {
    #[command(flatten)]
    color: colorchoice_clap::Color,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// In columns, a server each. A failed run: its end, as much as fits the screen
    Log {
        /// What a run has recorded: target/traces/TEST-SEED.trace, or what TRACE=FILE has written
        #[arg(value_name = "TRACE")]
        file: PathBuf,
        #[command(flatten)]
        choice: Choice,
        #[command(flatten)]
        look: Look,
    },
    /// Reports of many runs, put together
    Report {
        /// What `make sim REPORT=FILE` and `make many-2C` write; several are taken as one
        #[arg(value_name = "REPORT", required = true)]
        files: Vec<PathBuf>,
        /// How they are written
        #[arg(long, value_enum, default_value_t = Format::Markdown)]
        format: Format,
    },
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Format {
    /// A table, and the first failures
    Markdown,
    /// JUnit's XML, as a forge's CI reads it
    Junit,
}

fn main() -> ExitCode {
    let options = Options::parse();
    options.color.write_global();
    match options.command {
        Command::Log { file, choice, look } => show_log(&file, &choice, &look),
        Command::Report { files, format } => show_report(&files, format),
    }
}

fn show_log(file: &Path, choice: &Choice, look: &Look) -> ExitCode {
    let trace = match Trace::open(file) {
        Ok(trace) => trace,
        Err(error) => {
            eprintln!("{}: {error}", file.display());
            return ExitCode::FAILURE;
        }
    };
    let screen = terminal_size::terminal_size().map_or((100, 24), |(width, height)| {
        // A terminal that is too small, or says nothing of its size, is taken for a small one.
        (width.0.max(40), height.0.max(16))
    });
    let mut out = BufWriter::new(anstream::stdout());
    match log::print(&mut out, file, &trace, choice, look, screen) {
        Ok(()) => ExitCode::SUCCESS,
        // `| head` has seen enough.
        Err(Failed::Io(error)) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(Failed::Io(error)) => {
            eprintln!("cannot write: {error}");
            ExitCode::FAILURE
        }
        Err(Failed::Choice(what)) => {
            eprintln!("{what}");
            ExitCode::from(2)
        }
    }
}

fn show_report(files: &[PathBuf], format: Format) -> ExitCode {
    let written = Report::read(files).and_then(|report| {
        if report.repeated > 0 {
            eprintln!("note: {} runs stand there more than once; the last counts", report.repeated);
        }
        match format {
            Format::Markdown => Ok(report.markdown()),
            Format::Junit => report.junit(),
        }
    });
    match written {
        Ok(text) => match anstream::stdout().write_all(text.as_bytes()) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                eprintln!("cannot write: {error}");
                ExitCode::FAILURE
            }
            _ => ExitCode::SUCCESS,
        },
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}
