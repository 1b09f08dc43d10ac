//! Commands as pages name them: which suite they run, and how.

/// The suite, its arguments, and what is set in its environment.
pub type Call<'a> = (&'a str, Vec<String>, Vec<(&'a str, &'a str)>);

/// From a command such as `make replay S=figure2 T=votes_once_per_term_2a SEED=1`.
pub fn parse(command: &str) -> Result<Call<'_>, String> {
    let mut words = command.split_whitespace();
    let (make, target) = (words.next(), words.next());
    let settings: Option<Vec<(&str, &str)>> = words.map(|word| word.split_once('=')).collect();
    let settings = settings.ok_or_else(|| format!("not NAME=VALUE in {command:?}"))?;
    let value = |name| settings.iter().find(|(n, _)| *n == name).map(|(_, value)| *value);
    let test = value("T").map(str::to_lowercase);
    let (suite, mut arguments) = match (make, target) {
        (Some("make"), Some("replay" | "log" | "view")) => {
            (value("S").unwrap_or("raft"), vec!["--sim", "--exact"])
        }
        (Some("make"), Some("nemesis")) => ("nemesis", vec!["--sim"]),
        (Some("make"), Some("test-figure2")) => ("figure2", vec!["--sim"]),
        (Some("make"), Some("sim")) => ("raft", vec!["--sim"]),
        _ => return Err(format!("the output of {command:?} cannot be compared")),
    };
    arguments.insert(0, "--must-match");
    let mut arguments: Vec<String> = arguments.into_iter().map(ToString::to_string).collect();
    let test = test.unwrap_or_else(|| "test_".to_string());
    let whole = arguments.iter().any(|argument| argument == "--exact");
    arguments.push(if whole { format!("test_{test}") } else { test });
    Ok((suite, arguments, settings.into_iter().filter(|(n, _)| !["T", "S"].contains(n)).collect()))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_command_becomes_a_suites_arguments() {
        let (suite, arguments, settings) = parse("make replay S=figure2 T=x_2a SEED=1").unwrap();
        assert_eq!(suite, "figure2");
        assert_eq!(arguments, ["--must-match", "--sim", "--exact", "test_x_2a"]);
        assert_eq!(settings, [("SEED", "1")]);
        assert_eq!(parse("make nemesis T=2C SEED=7").unwrap().1.last().unwrap(), "2c");
        assert!(parse("make coffee").unwrap_err().contains("cannot be compared"));
    }
}
