//! What all pictures are made of.

/// How wide a letter is, on average, and how high a line is.
pub const LETTER: usize = 7;
pub const LINE: usize = 17;

const STYLE: &str = "\
<style>
  .page { fill: #ffffff; }
  .box { fill: #f6f8fa; stroke: #8c959f; }
  .room { fill: none; stroke: #8c959f; stroke-dasharray: 6 4; }
  .lock { fill: #ddf4ff; stroke: #0969da; }
  .lane { stroke: #d0d7de; }
  .arrow { fill: none; stroke: #1f2328; }
  .own { fill: none; stroke: #57606a; stroke-dasharray: 5 3; }
  .head { fill: #1f2328; }
  .halo { fill: #ffffff; stroke: none; }
  text { fill: #1f2328; font: 12px ui-sans-serif, system-ui, sans-serif; }
  .name { font-weight: 600; }
  @media (prefers-color-scheme: dark) {
    .page, .halo { fill: #0d1117; }
    .box { fill: #161b22; stroke: #6e7681; }
    .room { stroke: #6e7681; }
    .lock { fill: #0c2d6b; stroke: #58a6ff; }
    .lane { stroke: #30363d; }
    .arrow { stroke: #e6edf3; }
    .own { stroke: #9198a1; }
    .head, text { fill: #e6edf3; }
  }
</style>
<defs><marker id=\"head\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" \
markerHeight=\"8\" orient=\"auto-start-reverse\"><path class=\"head\" d=\"M0 0 8 4 0 8z\"/>\
</marker></defs>
";

/// A whole picture.
pub fn document(title: &str, words: &str, (width, height): (usize, usize), body: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" role=\"img\" aria-labelledby=\"title desc\">\n\
         <title id=\"title\">{}</title>\n<desc id=\"desc\">\n{}</desc>\n{STYLE}\
         <rect class=\"page\" width=\"{width}\" height=\"{height}\" rx=\"8\"/>\n{body}</svg>\n",
        escape(title),
        escape(&words.replace("**", "").replace('`', "")),
    )
}

pub fn rect(class: &str, (x, y): (usize, usize), (width, height): (usize, usize)) -> String {
    format!(
        "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" \
         rx=\"5\"/>\n"
    )
}

/// A line of text around `x`.
pub fn text(class: &str, x: usize, y: usize, line: &str) -> String {
    let line = escape(&line.replace('`', ""));
    format!("<text class=\"{class}\" x=\"{x}\" y=\"{y}\" text-anchor=\"middle\">{line}</text>\n")
}

/// An arrow through all points.
pub fn arrow(class: &str, points: &[(usize, usize)]) -> String {
    let points: Vec<String> = points.iter().map(|(x, y)| format!("{x},{y}")).collect();
    let points = points.join(" ");
    format!("<polyline class=\"{class}\" points=\"{points}\" marker-end=\"url(#head)\"/>\n")
}

/// Text around `x`, on a ground of its own.
pub fn label(x: usize, y: usize, line: &str) -> String {
    let width = line.replace('`', "").chars().count() * LETTER;
    let ground = rect("halo", (x.saturating_sub(width / 2), y.saturating_sub(12)), (width, 15));
    ground + &text("", x, y, line)
}

pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The words of `text` in lines of at most `letters`.
pub fn wrap(text: &str, letters: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= letters => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_string()),
        }
    }
    lines
}
