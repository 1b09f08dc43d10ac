//! Reports of many runs, put together: as a table in Markdown, or as JUnit's XML. The reports of
//! shards are read one behind the other.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};
use serde::Deserialize;

/// How many failures a table is followed by.
const MOST_FAILURES: usize = 10;
const HOW: &str = "make sim REPORT=x.jsonl writes one";
/// The version of the lines that are read here. They are without a number; a file of any other
/// version begins with `{"report":N}`.
const VERSION: u32 = 1;

/// The first line of a report of another version.
#[derive(Deserialize)]
struct Version {
    report: u32,
}

/// The first line of something else that this viewer knows.
#[derive(Deserialize)]
struct TraceLine {
    #[serde(rename = "trace")]
    _version: u32,
}

/// A line of a report.
#[derive(Clone, Deserialize)]
struct Run {
    suite: String,
    test: String,
    seed: u64,
    virtual_s: f64,
    cpu_s: f64,
    follows: Option<String>,
    failure: Option<String>,
}

/// The runs of some reports, by suite, test and seed.
#[derive(Default)]
pub struct Report {
    runs: BTreeMap<(String, String, u64), Run>,
    /// How many were in there more than once; the last of them counts.
    pub repeated: usize,
    /// Lines that had to be left out, each with its place and why.
    pub left_out: Vec<String>,
    /// What else the reader should know.
    pub notes: Vec<String>,
}

impl Report {
    /// Reads all of these files. A line that is none of a report is left out, and told.
    ///
    /// # Errors
    /// If a file cannot be read, or is no report of this version; the message says which.
    pub fn read(files: &[PathBuf]) -> Result<Report, String> {
        let mut report = Report::default();
        for file in files {
            let name = file.display();
            let bytes = fs::read(file).map_err(|error| match error.kind() {
                ErrorKind::NotFound => format!("{name}: there is no such file. {HOW}"),
                ErrorKind::IsADirectory => format!("{name}: it is a directory; name its reports"),
                _ => format!("{name}: it cannot be read: {error}"),
            })?;
            report.take(file, &bytes)?;
        }
        if report.runs.is_empty() {
            return Err(report.notes.join("\n"));
        }
        Ok(report)
    }

    fn take(&mut self, file: &Path, bytes: &[u8]) -> Result<(), String> {
        let name = file.display();
        if bytes.is_empty() {
            self.notes.push(format!("{name}: it is empty: no run has ended so far"));
        }
        let (mut wrong, mut good) = (Vec::new(), 0);
        for (number, line) in (1..).zip(bytes.split_inclusive(|&byte| byte == b'\n')) {
            let run: Run = match serde_json::from_slice(line) {
                Ok(run) => run,
                Err(error) => {
                    check_version(file, number, line)?;
                    if line.ends_with(b"\n") {
                        wrong
                            .push(format!("{name}:{number}: no line of a report: {}", why(&error)));
                    } else {
                        self.notes.push(format!("{name}:{number}: cut off, and left out"));
                    }
                    continue;
                }
            };
            good += 1;
            let key = (run.suite.clone(), run.test.clone(), run.seed);
            self.repeated += usize::from(self.runs.insert(key, run).is_some());
        }
        match wrong.first() {
            Some(first) if good == 0 => Err(format!("{first}. It is no report. {HOW}")),
            _ => {
                self.left_out.append(&mut wrong);
                Ok(())
            }
        }
    }

    /// How many runs there are, and how many of them failed.
    pub fn count(&self) -> (usize, usize) {
        (self.runs.len(), self.runs.values().filter(|run| run.failure.is_some()).count())
    }

    /// A table with a row for each test, and the first failures.
    pub fn markdown(&self) -> String {
        let mut tests: BTreeMap<(&str, &str), Vec<&Run>> = BTreeMap::new();
        for run in self.runs.values() {
            tests.entry((&run.suite, &run.test)).or_default().push(run);
        }
        let mut text = "| suite | test | runs | failed | seconds | CPU s | first failing seed |\n\
                        |---|---|---|---|---|---|---|\n"
            .to_string();
        for ((suite, test), runs) in &tests {
            let failed: Vec<&&Run> = runs.iter().filter(|run| run.failure.is_some()).collect();
            let (seconds, cpu) = runs
                .iter()
                .fold((0.0, 0.0), |(seconds, cpu), run| (seconds + run.virtual_s, cpu + run.cpu_s));
            let first = failed.first().map_or(String::new(), |run| run.seed.to_string());
            let (runs, failed) = (runs.len(), failed.len());
            text.push_str(&format!(
                "| {suite} | `{test}` | {runs} | {failed} | {seconds:.1} | {cpu:.2} | {first} |\n"
            ));
        }
        let (runs, failed) = self.count();
        text.push_str(&format!("\n{runs} runs, {failed} failed\n"));
        let failures = self.runs.values().filter_map(|run| Some((run, run.failure.as_ref()?)));
        for (run, failure) in failures.take(MOST_FAILURES) {
            let Run { suite, test, seed, .. } = run;
            text.push_str(&format!(
                "\n### `{test}`, seed {seed} ({suite})\n\n```\n{failure}\n```\n"
            ));
        }
        text
    }

    /// JUnit's XML, with a test case for each run.
    ///
    /// # Errors
    /// If it cannot be written, which does not happen in memory.
    pub fn junit(&self) -> Result<String, String> {
        let mut suites: BTreeMap<&str, TestSuite> = BTreeMap::new();
        for run in self.runs.values() {
            let mut status = TestCaseStatus::success();
            if let Some(failure) = &run.failure {
                status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                let failure = legal(failure);
                status.set_message(failure.lines().next().unwrap_or_default());
                let follows = run.follows.iter().map(|test| format!("follows from {test}\n"));
                status.set_description(follows.collect::<String>() + &failure);
            }
            let mut case = TestCase::new(format!("{} seed {}", run.test, run.seed), status);
            case.set_classname(run.suite.as_str());
            case.set_time(Duration::try_from_secs_f64(run.virtual_s).unwrap_or_default());
            let suite =
                suites.entry(&run.suite).or_insert_with(|| TestSuite::new(run.suite.as_str()));
            suite.add_test_case(case);
        }
        let mut report = quick_junit::Report::new("raft-lab");
        for mut suite in suites.into_values() {
            suite.set_time(suite.test_cases.iter().filter_map(|case| case.time).sum());
            report.add_test_suite(suite);
        }
        let text = report.to_string().map_err(|error| error.to_string())?;
        // The root's count of skipped tests is in no schema: nothing is skipped.
        Ok(text.replacen(" skipped=\"0\"", "", 1))
    }
}

/// Without the two characters that XML forbids and the library lets through.
fn legal(text: &str) -> String {
    text.replace(['\u{fffe}', '\u{ffff}'], "")
}

/// If a line that is none of this version says of which it is, or of what.
fn check_version(file: &Path, number: usize, line: &[u8]) -> Result<(), String> {
    let place = format!("{}:{number}", file.display());
    match serde_json::from_slice::<Version>(line) {
        Ok(Version { report }) if report != VERSION => {
            return Err(format!(
                "{place}: a newer version of the lab has written it (report {report}; this one \
                 reads {VERSION}): update the lab, or run the sweep again"
            ));
        }
        _ => (),
    }
    match serde_json::from_slice::<TraceLine>(line) {
        Ok(_) => Err(format!("{place}: it is the trace of one run: make log F={}", file.display())),
        Err(_) => Ok(()),
    }
}

/// Without its own place, which is that in the line.
fn why(error: &serde_json::Error) -> String {
    let what = error.to_string();
    what.split(" at line ").next().unwrap_or_default().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &str = "{\"suite\":\"raft\",\"test\":\"test_a_2a\",\"follows\":null,\"seed\":1,\
        \"virtual_s\":1.5,\"cpu_s\":0.1,\"trace_hash\":7,\"failure\":null}\n\
        {\"suite\":\"raft\",\"test\":\"test_a_2a\",\"follows\":null,\"seed\":2,\
        \"virtual_s\":2.5,\"cpu_s\":0.1,\"trace_hash\":8,\"failure\":\"one <leader>\\nmore\"}\n";

    fn report(text: &str) -> Result<Report, String> {
        let mut report = Report::default();
        report.take(Path::new("x.jsonl"), text.as_bytes()).map(|()| report)
    }

    #[test]
    fn runs_are_counted_by_test() {
        let report = report(LINES).unwrap();
        assert_eq!(report.count(), (2, 1));
        let text = report.markdown();
        assert!(text.contains("| raft | `test_a_2a` | 2 | 1 | 4.0 | 0.20 | 2 |"), "{text}");
        assert!(
            text.contains("### `test_a_2a`, seed 2 (raft)\n\n```\none <leader>\nmore\n```"),
            "{text}"
        );
    }

    #[test]
    fn shards_add_up_and_what_stands_twice_counts_once() {
        let report =
            report(&format!("{LINES}{}", LINES.replace("\"seed\":2", "\"seed\":3"))).unwrap();
        assert_eq!((report.count(), report.repeated), ((3, 2), 1));
    }

    #[test]
    fn junit_has_a_case_for_each_run() {
        let xml = report(LINES).unwrap().junit().unwrap();
        for part in
            ["tests=\"2\"", "failures=\"1\"", "name=\"test_a_2a seed 2\"", "one &lt;leader&gt;"]
        {
            assert!(xml.contains(part), "{part} is missing: {xml}");
        }
        assert!(xml.contains("errors=\"0\" failures=\"1\" time=\"4.000\">"), "{xml}");
    }

    #[test]
    fn junit_is_xml_whatever_a_message_says() {
        let hostile = "\\u0000\\u001b[31mred ]]> \\\"&\\uffff\\ufffe\\u0007\\r\\n]]>";
        let xml = report(&LINES.replace("one <leader>", hostile)).unwrap().junit().unwrap();
        assert!(xml.contains("message=\"red ]]&gt; &quot;&amp;\""), "{xml}");
        let legal = |c: char| c == '\n' || c >= ' ' && !matches!(c, '\u{fffe}' | '\u{ffff}');
        assert!(xml.chars().all(legal), "{xml:?}");
    }

    #[test]
    fn a_wrong_line_is_told_and_nothing_else_is_lost() {
        let cut = report(&LINES[..LINES.len() - 20]).unwrap();
        assert_eq!((cut.count(), cut.left_out.len()), ((1, 0), 0));
        assert_eq!(cut.notes, ["x.jsonl:2: cut off, and left out"]);
        let more = LINES.replace("\"test_a_2a\"", "\"test_b_2a\"");
        let middle = report(&format!("{LINES}{{\"suite\":7}}\n\u{0}\n{more}")).unwrap();
        assert_eq!((middle.count(), middle.left_out.len()), ((4, 2), 2));
        assert!(middle.left_out[0].starts_with("x.jsonl:3: no line"), "{:?}", middle.left_out);
        assert!(!middle.left_out[0].contains("at line"), "{:?}", middle.left_out);
    }

    #[test]
    fn what_is_no_report_of_this_version_is_refused() {
        let newer = format!("{{\"report\":2,\"lab\":\"9.0\"}}\n{LINES}");
        let said = report(&newer).err().unwrap();
        assert!(said.starts_with("x.jsonl:1: a newer version of the lab"), "{said}");
        assert!(said.contains("(report 2; this one reads 1): update"), "{said}");
        let said = report("{\"trace\":2}\n").err().unwrap();
        assert!(said.contains("make log F=x.jsonl"), "{said}");
        for text in ["hello\n", "{}\n{}\n", "\u{0}\u{1}\n"] {
            let said = report(text).err().unwrap();
            assert!(said.contains("It is no report. make sim REPORT="), "{said}");
        }
    }
}
