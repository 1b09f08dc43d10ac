//! `viewer log FILE`, `viewer view FILE`: what `make log` and `make view` call.

#![forbid(unsafe_code)]

use std::fs;
use std::io::{self, BufWriter, ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use viewer::export;
use viewer::log::{self, Choice, Failed, Look};
use viewer::picture;
use viewer::report::Report;
use viewer::story::tell;
use viewer::trace::Trace;
use viewer::view;

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
    /// In columns, a server each. A failed run: its end, as much as fits the screen. Or, with
    /// --format, for other viewers
    Log {
        /// What a run has recorded: target/traces/TEST-SEED.trace, or what TRACE=FILE has written
        #[arg(value_name = "TRACE")]
        file: PathBuf,
        /// For another viewer: perfetto (Chrome's trace events) or shiviz (a log with vector clocks)
        #[arg(long, value_name = "FORMAT", default_value = "columns")]
        format: String,
        #[command(flatten)]
        choice: Choice,
        #[command(flatten)]
        look: Look,
    },
    /// The end of a failed run as a picture for a page (SVG)
    Picture {
        /// What a run has recorded
        #[arg(value_name = "TRACE")]
        file: PathBuf,
        /// So many events at most
        #[arg(long, default_value_t = 20)]
        events: usize,
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
    /// As a page for the browser, with a timeline: one file, which needs no network
    View {
        /// What a run has recorded
        #[arg(value_name = "TRACE")]
        file: PathBuf,
        /// Another run beside it, with the first difference marked: the nearest seed that passes,
        /// say, or the same after a change
        #[arg(long, value_name = "TRACE")]
        with: Option<PathBuf>,
        /// Where the page goes (usual: beside the trace, as x.html for x.trace)
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
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
        Command::Log { file, format, choice, look } => match export::Format::named(&format) {
            Ok(format) => show_log(&file, format, &choice, &look),
            Err(what) => {
                eprintln!("{what}");
                ExitCode::from(2)
            }
        },
        Command::Picture { file, events } => show_picture(&file, events),
        Command::Report { files, format } => show_report(&files, format),
        Command::View { file, with, output } => write_page(&file, with.as_deref(), output),
    }
}

/// The trace, or nothing, when it is said why.
fn open(file: &Path) -> Option<Trace> {
    Trace::open(file).map_err(|error| eprintln!("{}: {error}", file.display())).ok()
}

fn write_page(file: &Path, with: Option<&Path>, output: Option<PathBuf>) -> ExitCode {
    let Some(trace) = open(file) else { return ExitCode::FAILURE };
    let other = with.map(open);
    if matches!(other, Some(None)) {
        return ExitCode::FAILURE;
    }
    let page = view::page(&trace, other.flatten().as_ref());
    let output = output.unwrap_or_else(|| file.with_extension("html"));
    if let Err(error) = fs::write(&output, page) {
        eprintln!("{}: cannot be written: {error}", output.display());
        return ExitCode::FAILURE;
    }
    println!("open this page in a browser: {}", output.display());
    ExitCode::SUCCESS
}

fn show_log(file: &Path, format: export::Format, choice: &Choice, look: &Look) -> ExitCode {
    let Some(trace) = open(file) else { return ExitCode::FAILURE };
    let screen = terminal_size::terminal_size().map_or((100, 24), |(width, height)| {
        // A terminal that is too small, or says nothing of its size, is taken for a small one.
        (width.0.max(40), height.0.max(16))
    });
    let mut out = BufWriter::new(anstream::stdout());
    let written = match format {
        export::Format::Columns => log::print(&mut out, file, &trace, choice, look, screen),
        other => export_run(&mut out, other, &trace, choice),
    };
    match written {
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

fn export_run(
    out: &mut impl Write,
    format: export::Format,
    trace: &Trace,
    choice: &Choice,
) -> Result<(), Failed> {
    if choice.around.is_some() {
        return Err(Failed::Choice(
            "--around is for the columns; choose with --time A-B here".into(),
        ));
    }
    let told = choice.apply(trace, tell(trace)).map_err(Failed::Choice)?;
    let (page, then) = match format {
        export::Format::Shiviz => {
            export::shiviz(out, trace, &told)?;
            ("https://bestchai.bitbucket.io/shiviz", "; its first line is the regular expression")
        }
        _ => {
            export::perfetto(out, trace, &told)?;
            ("https://ui.perfetto.dev", "")
        }
    };
    if !io::stdout().is_terminal() {
        eprintln!("open the file at {page}{then}");
    }
    Ok(())
}

fn show_picture(file: &Path, events: usize) -> ExitCode {
    let Some(trace) = open(file) else { return ExitCode::FAILURE };
    match picture::picture(&trace, events) {
        Ok(svg) => print_all(&svg),
        Err(problem) => {
            eprintln!("{}: {problem}", file.display());
            ExitCode::from(2)
        }
    }
}

/// Prints a text; a reader who has seen enough is no failure.
fn print_all(text: &str) -> ExitCode {
    match anstream::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            eprintln!("cannot write: {error}");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

fn show_report(files: &[PathBuf], format: Format) -> ExitCode {
    let report = match Report::read(files) {
        Ok(report) => report,
        Err(problem) => {
            eprintln!("{problem}");
            return ExitCode::FAILURE;
        }
    };
    if report.repeated > 0 {
        eprintln!(
            "note: {} runs are there more than once; the last of each counts",
            report.repeated
        );
    }
    report.notes.iter().for_each(|note| eprintln!("note: {note}"));
    report.left_out.iter().for_each(|line| eprintln!("left out: {line}"));
    let written = match format {
        Format::Markdown => Ok(report.markdown()),
        Format::Junit => report.junit(),
    };
    match written {
        // All that is good is there, but not all is good.
        Ok(text) if !report.left_out.is_empty() => {
            print_all(&text);
            ExitCode::FAILURE
        }
        Ok(text) => print_all(&text),
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}
