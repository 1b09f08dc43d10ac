//! A file of Rust as a list of tokens, less its unit tests: the suites are built without them.

use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A token, without the tree around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub text: String,
    pub line: usize,
}

/// The tokens of a text; an error says why it cannot be read.
pub fn of(text: &str) -> Result<Vec<Token>, String> {
    let stream: TokenStream = text.parse().map_err(|error| format!("{error}"))?;
    let mut tokens = Vec::new();
    flatten(stream, &mut tokens);
    Ok(without_tests(tokens).0)
}

/// Those of the files that hold unit tests alone, by `#[cfg(test)] mod NAME;`.
pub fn tests_alone(files: &[(PathBuf, String)]) -> Vec<PathBuf> {
    let mut alone = Vec::new();
    for (path, text) in files {
        let Ok(stream) = text.parse::<TokenStream>() else { continue };
        let mut tokens = Vec::new();
        flatten(stream, &mut tokens);
        for name in without_tests(tokens).1 {
            let base = match path.file_name() {
                Some(file) if file == "mod.rs" => path.parent().unwrap_or(Path::new("")).join(name),
                _ => path.with_extension("").join(name),
            };
            let is_its = |file: &Path| file.starts_with(&base) || file == base.with_extension("rs");
            alone.extend(files.iter().map(|(file, _)| file.clone()).filter(|file| is_its(file)));
        }
    }
    alone
}

fn flatten(stream: TokenStream, tokens: &mut Vec<Token>) {
    for tree in stream {
        let line = tree.span().start().line;
        let mut push = |text: &str| tokens.push(Token { text: text.to_string(), line });
        match tree {
            TokenTree::Ident(ident) => push(ident.to_string().trim_start_matches("r#")),
            TokenTree::Punct(punct) => push(&punct.as_char().to_string()),
            TokenTree::Literal(literal) => push(&literal.to_string()),
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::None => ("", ""),
                };
                push(open);
                flatten(group.stream(), tokens);
                let line = group.span_close().start().line;
                tokens.push(Token { text: close.to_string(), line });
            }
        }
    }
}

/// The tokens without `#[cfg(test)] mod NAME { ... }`; and the NAMEs of `#[cfg(test)] mod NAME;`.
fn without_tests(tokens: Vec<Token>) -> (Vec<Token>, Vec<String>) {
    const TEST: [&str; 8] = ["#", "[", "cfg", "(", "test", ")", "]", "mod"];
    let (mut left, mut names) = (Vec::new(), Vec::new());
    let mut at = 0;
    while at < tokens.len() {
        let texts = tokens[at..].iter().map(|token| token.text.as_str());
        let is_test = texts.take(TEST.len()).eq(TEST);
        let behind = tokens.get(at + TEST.len() + 1).map(|token| token.text.as_str());
        match behind.filter(|_| is_test) {
            Some("{") => at = end_of_group(&tokens, at + TEST.len() + 1),
            Some(";") => {
                names.push(tokens[at + TEST.len()].text.clone());
                at += TEST.len() + 2;
            }
            _ => {
                left.push(tokens[at].clone());
                at += 1;
            }
        }
    }
    (left, names)
}

/// Behind the brace that closes the one here.
fn end_of_group(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.text.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unit_tests_are_left_out_and_nothing_else() {
        let text = "fn a() {}\n#[cfg(test)]\nmod tests { mod x { fn b() {} } }\nfn c() {}";
        let texts: Vec<String> = of(text).unwrap().into_iter().map(|token| token.text).collect();
        assert_eq!(texts.join(" "), "fn a ( ) { } fn c ( ) { }");
        for other in
            ["#[cfg(not(test))] mod a { }", "#[cfg(any(test, unix))] mod a { }", "mod a { }"]
        {
            assert!(of(other).unwrap().iter().any(|token| token.text == "a"), "{other}");
        }
    }

    #[test]
    fn files_of_unit_tests_are_known_by_their_declaration() {
        let files = [
            ("mod.rs", "mod log;\n#[cfg(test)]\nmod paper;"),
            ("log.rs", "#[cfg(test)]\nmod tests;"),
            ("log/tests.rs", ""),
            ("paper/mod.rs", ""),
            ("paper/more.rs", ""),
            ("papers.rs", ""),
        ];
        let files = files.map(|(path, text)| (PathBuf::from(path), text.to_string()));
        let mut alone = tests_alone(&files);
        alone.sort();
        assert_eq!(alone, ["log/tests.rs", "paper/mod.rs", "paper/more.rs"].map(PathBuf::from));
    }
}
