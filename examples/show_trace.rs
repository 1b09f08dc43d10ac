//! Shows a trace as text, one line an event: `make show-trace F=target/traces/x.trace`.

use std::io::{self, BufWriter, ErrorKind, Write};
use std::process::ExitCode;

use raftlab::trace::{Text, Trace};

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let [path] = &arguments[..] else {
        eprintln!("usage: make show-trace F=FILE    (FILE: what a run with TRACE=FILE wrote)");
        return ExitCode::from(2);
    };
    let trace = match Trace::open(path) {
        Ok(trace) => trace,
        Err(error) => {
            eprintln!("{}: {error}", path.display());
            return ExitCode::FAILURE;
        }
    };
    match show(&trace, BufWriter::new(io::stdout().lock())) {
        // `| head` has seen enough.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            eprintln!("cannot write: {error}");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

fn show(trace: &Trace, mut out: impl Write) -> io::Result<()> {
    let text = Text::new(trace);
    writeln!(out, "{}", text.header())?;
    for record in trace.records() {
        writeln!(out, "{}", text.line(record))?;
    }
    if let Some(cut) = trace.cut() {
        writeln!(out, "{cut}")?;
    }
    out.flush()
}
