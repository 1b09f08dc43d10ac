//! Reports of many runs, put together: as a table in Markdown, or as JUnit's XML. The reports of
//! shards are read one behind the other.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};
use serde::Deserialize;

/// How many failures a table is followed by.
const MOST_FAILURES: usize = 10;

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
}

impl Report {
    /// Reads all of these files. A last line without its end, of a sweep that was killed, is left
    /// out.
    ///
    /// # Errors
    /// If a file cannot be read, or a line is none of a report; the message says which.
    pub fn read(files: &[PathBuf]) -> Result<Report, String> {
        let mut report = Report::default();
        for file in files {
            let text = fs::read_to_string(file).map_err(|error| {
                format!("{}: {error}; REPORT=... of make sim writes one", file.display())
            })?;
            report.take(file, &text)?;
        }
        Ok(report)
    }

    fn take(&mut self, file: &Path, text: &str) -> Result<(), String> {
        for (number, line) in (1..).zip(text.split_inclusive('\n')) {
            let run: Run = match serde_json::from_str(line) {
                Ok(run) => run,
                Err(_) if !line.ends_with('\n') => break,
                Err(error) => {
                    let file = file.display();
                    return Err(format!("{file}:{number}: this is no line of a report: {error}"));
                }
            };
            let key = (run.suite.clone(), run.test.clone(), run.seed);
            self.repeated += usize::from(self.runs.insert(key, run).is_some());
        }
        Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &str = "{\"suite\":\"raft\",\"test\":\"test_a_2a\",\"follows\":null,\"seed\":1,\
        \"virtual_s\":1.5,\"cpu_s\":0.1,\"trace_hash\":7,\"failure\":null}\n\
        {\"suite\":\"raft\",\"test\":\"test_a_2a\",\"follows\":null,\"seed\":2,\
        \"virtual_s\":2.5,\"cpu_s\":0.1,\"trace_hash\":8,\"failure\":\"one <leader>\\nmore\"}\n";

    fn report(text: &str) -> Result<Report, String> {
        let mut report = Report::default();
        report.take(Path::new("x.jsonl"), text).map(|()| report)
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
    fn a_cut_line_is_left_out_and_a_wrong_one_is_told() {
        let cut = &LINES[..LINES.len() - 20];
        assert_eq!(report(cut).unwrap().count(), (1, 0));
        let wrong = report(&LINES.replacen("\"seed\":1", "\"sed\":1", 1)).err().unwrap();
        assert!(wrong.starts_with("x.jsonl:1: this is no line of a report"), "{wrong}");
    }
}
