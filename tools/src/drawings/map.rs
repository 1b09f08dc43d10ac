//! A map: boxes in places, and arrows between them.
//!
//! ```text
//! map: The parts
//! size 400 200
//! room raft 10,10 200x180: what is in it is drawn over it
//! box state 20,20 100x40: a line; another line
//! lock log 20,80 100x40: a box that stands for what the lock guards
//! state -> log 60,60 60,80: a label
//! state ..> log 100,60 100,80: a dashed one
//! ```
//!
//! An arrow's points are given; its label stands at the middle of its longest piece, or at `@x,y`.

use crate::Drawing;
use crate::svg::{self, LINE};

pub fn draw(title: &str, text: &str) -> Result<Drawing, String> {
    let (mut size, mut boxes, mut arrows, mut labels) =
        ((0, 0), String::new(), String::new(), String::new());
    let mut names: Vec<(&str, String)> = Vec::new();
    let mut words = String::new();
    for (number, line) in (1..).zip(text.lines()).skip(1).filter(|(_, line)| !line.is_empty()) {
        let wrong = || format!("line {number}: cannot read '{line}'");
        let (head, what) = line.split_once(": ").unwrap_or((line, ""));
        match head.split_whitespace().collect::<Vec<_>>()[..] {
            ["size", width, height] => {
                size = (width.parse().map_err(|_| wrong())?, height.parse().map_err(|_| wrong())?);
            }
            [class @ ("room" | "box" | "lock"), id, corner, extent] => {
                let corner = pair(corner, ',').ok_or_else(wrong)?;
                let extent = pair(extent, 'x').ok_or_else(wrong)?;
                boxes += &svg::rect(class, corner, extent);
                boxes += &lines_in(class, corner, extent, what);
                let (name, more) = what.split_once("; ").unwrap_or((what, ""));
                names.push((id, name.to_string()));
                if !more.is_empty() {
                    words += &format!("- **{name}**: {}\n", more.replace("; ", ", "));
                }
            }
            [from, kind @ ("->" | "..>"), to, ref points @ ..] if points.len() > 1 => {
                let (place, points) = match points.split_last() {
                    Some((last, points)) if last.starts_with('@') => {
                        (pair(&last[1..], ','), points)
                    }
                    _ => (None, points),
                };
                let points: Option<Vec<_>> = points.iter().map(|point| pair(point, ',')).collect();
                let points = points.ok_or_else(wrong)?;
                arrows += &svg::arrow(if kind == "->" { "arrow" } else { "own" }, &points);
                labels += &labels_at(place, &points, what);
                let name = |id: &str| names.iter().find(|(known, _)| *known == id);
                let (from, to) = (name(from).ok_or_else(wrong)?, name(to).ok_or_else(wrong)?);
                words +=
                    &format!("- **{}** to **{}**: {}\n", from.1, to.1, what.replace("; ", ", "));
            }
            _ => return Err(wrong()),
        }
    }
    let svg = svg::document(title, &words, size, &(boxes + &arrows + &labels));
    Ok(Drawing { title: title.to_string(), svg, words })
}

fn pair(text: &str, between: char) -> Option<(usize, usize)> {
    let (a, b) = text.split_once(between)?;
    Some((a.parse().ok()?, b.parse().ok()?))
}

/// A room's first line stands at its top; a box's lines stand in its middle.
fn lines_in(
    class: &str,
    (x, y): (usize, usize),
    (width, height): (usize, usize),
    what: &str,
) -> String {
    let lines: Vec<&str> = what.split("; ").collect();
    let top = match class {
        "room" => y + LINE,
        _ => (y + height / 2 + LINE - 4).saturating_sub(lines.len() * LINE / 2),
    };
    let text = lines.iter().enumerate().map(|(at, line)| {
        svg::text(if at == 0 { "name" } else { "" }, x + width / 2, top + at * LINE, line)
    });
    text.collect()
}

/// The label's lines around `place`, or around the middle of the longest piece: above it if it is
/// level.
fn labels_at(place: Option<(usize, usize)>, points: &[(usize, usize)], what: &str) -> String {
    let length = |piece: &&[(usize, usize)]| {
        piece[0].0.abs_diff(piece[1].0) + piece[0].1.abs_diff(piece[1].1)
    };
    let lines: Vec<&str> = what.split("; ").collect();
    let longest = points.windows(2).max_by_key(length);
    let middle = longest.map_or((0, 0), |ends| {
        let level = ends[0].1 == ends[1].1;
        let up = if level { 9 + (lines.len() - 1) * LINE / 2 } else { 0 };
        ((ends[0].0 + ends[1].0) / 2, ((ends[0].1 + ends[1].1) / 2).saturating_sub(up))
    });
    let (x, y) = place.unwrap_or(middle);
    let top = (y + 4).saturating_sub((lines.len() - 1) * LINE / 2);
    (0..).zip(lines).map(|(at, line)| svg::label(x, top + at * LINE, line)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_and_arrows_are_drawn_and_told() {
        let text = "map: M\nsize 200 100\nbox a 0,0 50x20: A; more\nbox b 100,0 50x20: B\n\
                    a -> b 50,10 100,10: goes";
        let Drawing { svg, words, .. } = draw("M", text).unwrap();
        assert_eq!(words, "- **A**: more\n- **A** to **B**: goes\n");
        assert!(svg.contains("points=\"50,10 100,10\""));
    }

    #[test]
    fn nonsense_is_named_with_its_line() {
        let problem = draw("M", "map: M\nbox a 0,0 50: A").err().unwrap();
        assert_eq!(problem, "line 2: cannot read 'box a 0,0 50: A'");
    }
}
