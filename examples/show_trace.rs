//! Shows a trace as text, one line an event: `make show-trace F=target/traces/x.trace`.

use std::error::Error;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, ErrorKind};
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let [path] = &arguments[..] else {
        eprintln!("usage: make show-trace F=FILE    (FILE: what a run with TRACE=FILE wrote)");
        return ExitCode::from(2);
    };
    let Err(error) = show(path.as_ref()) else { return ExitCode::SUCCESS };
    if error.downcast_ref::<io::Error>().is_some_and(|it| it.kind() == ErrorKind::BrokenPipe) {
        return ExitCode::SUCCESS; // `| head` has seen enough
    }
    eprintln!("{}: {error}", path.display());
    ExitCode::FAILURE
}

fn show(path: &Path) -> Result<(), Box<dyn Error>> {
    raftlab::trace::show(BufReader::new(File::open(path)?), BufWriter::new(io::stdout().lock()))
}
