//! Reads the report of a suite (`--report`): a line of JSON for each run, its keys always in the
//! same order, so that no parser of all JSON is needed.

/// What became of one run.
#[derive(PartialEq, Debug)]
pub struct Run {
    pub test: String,
    pub seed: u64,
    pub virtual_s: f64,
    pub cpu_s: f64,
    /// The test whose failure this one follows from.
    pub follows: Option<String>,
    /// `None` if it passed. That of the test which it follows from, if it does.
    pub failure: Option<String>,
}

/// Reads one line.
pub fn parse(line: &str) -> Option<Run> {
    let failure = match after(line, "failure")?.strip_suffix('}')? {
        "null" => None,
        text => Some(string(text)?),
    };
    let follows = after(line, "follows")?;
    let follows = if follows.starts_with("null") { None } else { Some(string(follows)?) };
    Some(Run {
        follows,
        test: string(after(line, "test")?)?,
        seed: number(line, "seed")?,
        virtual_s: number(line, "virtual_s")?,
        cpu_s: number(line, "cpu_s")?,
        failure,
    })
}

/// What stands behind a key. The first such key: `failure`, which may contain anything, is last.
fn after<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    Some(line.split_once(&format!("\"{key}\":"))?.1)
}

fn number<T: std::str::FromStr>(line: &str, key: &str) -> Option<T> {
    after(line, key)?.split(',').next()?.parse().ok()
}

/// A string, up to its closing quote.
fn string(text: &str) -> Option<String> {
    let mut chars = text.strip_prefix('"')?.chars();
    let mut string = String::new();
    loop {
        string.push(match chars.next()? {
            '"' => return Some(string),
            '\\' => match chars.next()? {
                'n' => '\n',
                'u' => {
                    let code: String = chars.by_ref().take(4).collect();
                    char::from_u32(u32::from_str_radix(&code, 16).ok()?)?
                }
                escaped => escaped,
            },
            c => c,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_a_report_is_read() {
        let line = "{\"suite\":\"raft\",\"test\":\"test_count_2b\",\"seed\":7,\
            \"virtual_s\":1.500000,\"cpu_s\":0.020000,\"follows\":null,\
            \"failure\":\"a \\\"seed\\\":\\n\\u0009b\"}";
        let run = Run {
            test: "test_count_2b".to_string(),
            seed: 7,
            virtual_s: 1.5,
            cpu_s: 0.02,
            follows: None,
            failure: Some("a \"seed\":\n\tb".to_string()),
        };
        assert_eq!(parse(line), Some(run));
        let passed = line.replace("\"a \\\"seed\\\":\\n\\u0009b\"", "null");
        assert_eq!(parse(&passed).unwrap().failure, None);
        let following = line.replace("\"follows\":null", "\"follows\":\"test_a_2a\"");
        assert_eq!(parse(&following).unwrap().follows.as_deref(), Some("test_a_2a"));
        assert_eq!(parse("{\"test\":\"x\"}"), None);
    }
}
