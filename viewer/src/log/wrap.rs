//! Words of several colours in a cell of a given width.

use anstyle::Style;
use textwrap::WordSeparator;
use textwrap::core::{Word, break_words, display_width};

/// A line: pieces with a style each.
pub type Line = Vec<(Style, String)>;

/// Breaks pieces into lines that are at most `width` wide. A word that is longer is broken.
#[must_use]
pub fn wrap(pieces: &[(Style, String)], width: usize) -> Vec<Line> {
    let width = width.max(1);
    let mut lines = vec![Line::new()];
    let mut used = 0;
    for (style, text) in pieces {
        // A log line may have what a terminal would obey.
        let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let words = WordSeparator::AsciiSpace.find_words(&text);
        for word in break_words(words, width) {
            let Word { word, whitespace, .. } = word;
            let wide = display_width(word);
            if used + wide > width && used > 0 {
                lines.push(Line::new());
                used = 0;
            }
            // Spaces may hang over the end.
            let space = if used + wide < width { whitespace } else { "" };
            add(lines.last_mut().expect("there is a line"), *style, word, space);
            used += wide + whitespace.len();
        }
    }
    lines
}

fn add(line: &mut Line, style: Style, word: &str, space: &str) {
    match line.last_mut() {
        Some((last, text)) if *last == style => {
            text.push_str(word);
            text.push_str(space);
        }
        _ => line.push((style, format!("{word}{space}"))),
    }
}

/// How wide it is on a terminal.
#[must_use]
pub fn width_of(line: &Line) -> usize {
    line.iter().map(|(_, text)| display_width(text)).sum()
}
