// A run on the page: picture, list and cursor, in step.

class View {
  constructor(root, run, theme, changed) {
    this.root = root;
    this.run = run;
    this.changed = changed;              // told when another event is selected
    this.selected = null;
    this.showCauses = false;
    this.firstDifference = null;
    this.filter = { topics: new Set(TOPICS), servers: null, words: "" };
    this.filter.topics.delete("heartbeat");
    const act = {
      select: (event) => this.select(event),
      moved: () => {},
      difference: () => this.firstDifference,
    };
    this.head(root.querySelector(".verdict"));
    this.list = new List(root.querySelector(".list"), run, act);
    this.panel = new Panel(root.querySelector(".panel"), run, theme, act);
    this.timeline = new Timeline(root.querySelector(".timeline"), run, theme, act);
    this.applyFilter();
  }

  head(holder) {
    const { verdict, note, title, passed } = this.run.data;
    const name = element("h1", "", title);
    holder.replaceChildren(name);
    if (verdict) {
      holder.append(element("p", "broke", verdict.sentence));
      const rest = [...verdict.rest, verdict.place].join("\n");
      const more = element("details");
      more.append(element("summary", "", "the whole message"), element("pre", "", rest));
      holder.append(more);
    } else if (passed) {
      holder.append(element("p", "passed", "passed"));
    }
    if (note) holder.append(element("p", "broke", `The trace is ${note}.`));
  }

  // ---- which events ------------------------------------------------------------------------------

  fits(event) {
    const { run, filter } = this;
    if (KINDS[run.kind[event]] === "verdict") return true;
    if (!filter.topics.has(TOPICS[run.topic[event]])) return false;
    const server = run.server[event] >= 0 ? run.server[event] : run.concerns[event];
    if (filter.servers && server >= 0 && !filter.servers.has(server)) return false;
    return !filter.words || run.text(event).toLowerCase().includes(filter.words);
  }

  applyFilter() {
    const { run } = this;
    const fits = new Uint8Array(run.count);
    const shown = [];
    for (let event = 0; event < run.count; event++) {
      if (this.fits(event)) {
        fits[event] = 1;
        shown.push(event);
      }
    }
    this.fitting = fits;
    this.shown = Int32Array.from(shown);
    this.timeline.setShown(fits);
    this.list.setShown(this.shown);
    if (this.selected !== null) this.list.select(this.selected, this.past);
  }

  // ---- where we are ----------------------------------------------------------------------------

  // `quietly`: nobody else is told.
  select(event, { closer = false, quietly = false } = {}) {
    if (event === null || event === undefined || !this.run.count) return;
    this.selected = event;
    this.past = this.showCauses ? this.run.past(event) : null;
    this.timeline.selected = event;
    this.timeline.past = this.past;
    this.timeline.show(event, closer);
    this.timeline.draw();
    this.list.select(event, this.past);
    this.panel.show(event);
    this.root.querySelector(".now").textContent =
      `event ${this.run.number(event)} at ${this.run.seconds(event)} s: ${this.run.text(event)}`;
    if (!quietly) this.changed(this);
  }

  setCauses(on) {
    this.showCauses = on;
    if (this.selected !== null) this.select(this.selected);
  }

  // The next event in this direction that is shown and pleases.
  step(direction, pleases = () => true) {
    let position = lowerBound(this.shown, this.selected ?? 0);
    const on = this.shown[position] === this.selected;
    position += direction > 0 ? (on ? 1 : 0) : -1;
    while (position >= 0 && position < this.shown.length) {
      if (pleases(this.shown[position])) return this.select(this.shown[position]);
      position += direction;
    }
  }

  // The same at the server of the selected event.
  stepServer(direction) {
    const server = this.selected === null ? 0 : this.run.server[this.selected];
    this.step(direction, (event) => this.run.server[event] === server);
  }

  // From a message's sending to its arrival, or back.
  followMessage() {
    if (this.selected !== null) this.select(this.run.otherEnd(this.selected));
  }

  // A page of the list.
  jump(direction) {
    const position = lowerBound(this.shown, this.selected ?? 0) + direction * 20;
    this.select(this.shown[Math.max(0, Math.min(this.shown.length - 1, position))]);
  }

  first() { this.select(this.shown[0]); }
  last() { this.select(this.shown[this.shown.length - 1]); }

  // The verdict's event: the last thing that the blamed server did, whose state is to be seen.
  verdict(options) {
    const { run } = this;
    const guilty = run.data.verdict ? run.data.verdict.guilty : null;
    let event = run.count - 1;
    while (guilty !== null && event > 0 && run.server[event] !== guilty) event--;
    this.select(guilty === null ? run.count - 1 : event, { closer: true, ...options });
  }

  redraw() {
    this.timeline.draw();
    this.list.draw();
    if (this.selected !== null) this.panel.show(this.selected);
  }
}
