// Colours, by the reader's choice of light or dark. Terms have colours of their own; roles and
// losses have forms as well, so that nothing is said by colour alone.

class Theme {
  constructor() {
    this.query = matchMedia("(prefers-color-scheme: dark)");
  }

  onChange(then) { this.query.addEventListener("change", then); }

  read() {
    const style = getComputedStyle(document.documentElement);
    const get = (name) => style.getPropertyValue(name).trim();
    this.dark = this.query.matches;
    this.text = get("--text");
    this.faint = get("--faint");
    this.line = get("--line");
    this.back = get("--back");
    this.wrong = get("--wrong");
    this.mark = get("--mark");
    this.topics = TOPICS.map((topic) => get(`--${topic}`));
    this.terms = new Map();
    return this;
  }

  // A term's colour: neighbours differ most.
  term(term, strength = 1) {
    const key = term * 4 + strength;
    let colour = this.terms.get(key);
    if (!colour) {
      const hue = Math.round((term * 137.508 + 200) % 360);
      const light = this.dark ? [22, 30, 42][strength] : [91, 84, 70][strength];
      colour = term === 0 ? this.line : `hsl(${hue} 60% ${light}%)`;
      this.terms.set(key, colour);
    }
    return colour;
  }
}
