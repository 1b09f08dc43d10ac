// The events as text, in columns: a list that the keyboard and a screen reader can walk through.
// Only the rows in sight are in the document.

const ROW = 20;

class List {
  constructor(holder, run, act) {
    this.run = run;
    this.act = act;
    this.holder = holder;
    this.name = holder.dataset.name;
    this.head = holder.querySelector(".head");
    this.box = holder.querySelector(".rows");
    this.inner = holder.querySelector(".inner");
    this.shown = new Int32Array(0);
    this.selected = null;
    this.past = null;
    holder.style.setProperty("--servers", Math.max(1, run.servers));
    this.makeHead();
    this.box.addEventListener("scroll", () => this.draw());
    this.box.addEventListener("click", (event) => {
      const row = event.target.closest("[data-event]");
      if (row) this.act.select(Number(row.dataset.event));
    });
    new ResizeObserver(() => this.draw()).observe(this.box);
  }

  makeHead() {
    const cells = ["time"];
    for (let server = 0; server < this.run.servers; server++) cells.push(`server ${server}`);
    this.head.replaceChildren(...cells.map((text) => {
      const cell = document.createElement("span");
      cell.textContent = text;
      return cell;
    }));
  }

  // These events are listed, in this order.
  setShown(shown) {
    this.shown = shown;
    this.inner.style.height = `${shown.length * ROW}px`;
    this.draw();
  }

  // The position of an event in the list, or of the next one that is in it.
  positionOf(event) { return lowerBound(this.shown, event); }

  select(event, past) {
    this.selected = event;
    this.past = past;
    const position = this.positionOf(event);
    const top = position * ROW, room = this.box.clientHeight;
    if (top < this.box.scrollTop || top > this.box.scrollTop + room - ROW) {
      this.box.scrollTop = top - room * 0.6;
    }
    this.draw();
  }

  draw() {
    const first = Math.max(0, Math.floor(this.box.scrollTop / ROW) - 4);
    const last = Math.min(this.shown.length,
      Math.ceil((this.box.scrollTop + this.box.clientHeight) / ROW) + 4);
    const rows = [];
    for (let position = first; position < last; position++) rows.push(this.makeRow(position));
    this.inner.replaceChildren(...rows);
    const current = this.selected !== null && this.shown[this.positionOf(this.selected)];
    const id = current === this.selected ? this.idOf(this.selected) : null;
    if (id && document.getElementById(id)) this.box.setAttribute("aria-activedescendant", id);
    else this.box.removeAttribute("aria-activedescendant");
  }

  idOf(event) { return `${this.name}-${this.run.number(event)}`; }

  makeRow(position) {
    const { run } = this;
    const event = this.shown[position];
    const server = run.server[event];
    const row = document.createElement("div");
    row.className = `row ${TOPICS[run.topic[event]]} tone${run.tone[event]}`;
    row.id = this.idOf(event);
    row.dataset.event = event;
    row.setAttribute("role", "option");
    row.setAttribute("aria-setsize", this.shown.length);
    row.setAttribute("aria-posinset", position + 1);
    row.setAttribute("aria-selected", event === this.selected);
    if (this.past && !this.past[event]) row.classList.add("dimmed");
    if (event === this.act.difference()) row.classList.add("difference");
    row.style.top = `${position * ROW}px`;
    const where = server >= 0 ? `server ${server}` : "test";
    row.setAttribute("aria-label", `${run.seconds(event)} ${where}: ${run.text(event)}`);
    const time = document.createElement("span");
    time.className = "time";
    time.textContent = run.seconds(event);
    const text = document.createElement("span");
    text.textContent = text.title = run.text(event);
    text.className = server >= 0 ? "cell" : "band";
    if (server >= 0) text.style.gridColumn = `${server + 2} / -1`;
    row.append(time, text);
    return row;
  }
}
