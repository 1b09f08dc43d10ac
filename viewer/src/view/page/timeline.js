// The picture: a lane a server, time to the right. Where it is too dense to see each event, those
// that would fall on the same spot are drawn once.

const HEAD = 22;          // above the lanes: the axis
const BAND = 26;          // height of a lane's band
const LABELS = 74;        // at the left: the servers' names
const DENSE = 1500;       // so many events in sight are too many to draw each

class Timeline {
  constructor(holder, run, theme, act) {
    this.run = run;
    this.theme = theme;
    this.act = act;                     // what the reader does: select(event), moved()
    this.order = true;                  // the axis: one step an event that is shown, or time
    this.left = 0;                      // what stands at the left edge, in units of the axis
    this.scale = 1;                     // pixels a unit
    this.selected = null;
    this.past = null;
    this.shown = null;                  // for each event whether it fits the filter
    this.rank = null;                   // for each event how many before it do
    this.ranks = 0;
    this.lane = Math.max(38, Math.min(64, Math.floor(innerHeight * 0.36 / (run.servers || 1))));
    this.base = holder.querySelector("canvas.base");
    this.over = holder.querySelector("canvas.over");
    this.holder = holder;
    this.pending = false;
    this.frames = 0;
    this.stamps = new Uint32Array(0);
    this.stamp = 0;
    holder.style.height = `${this.height()}px`;
    this.listen();
    new ResizeObserver(() => this.resize()).observe(holder);
  }

  // These events are shown: for each of all whether it is.
  setShown(shown) {
    const first = this.rank === null;
    this.shown = shown;
    this.rank = new Int32Array(this.run.count);
    this.ranks = 0;
    for (let event = 0; event < shown.length; event++) {
      this.rank[event] = this.ranks;
      this.ranks += shown[event];
    }
    if (first) {
      this.resize();
      this.fit();
    } else if (this.selected !== null) {
      this.show(this.selected, false);
    }
    this.draw();
  }

  height() { return HEAD + Math.max(1, this.run.servers) * this.lane + 4; }
  laneY(server) { return HEAD + (server + 0.5) * this.lane; }
  unit(event) { return this.order ? this.rank[event] : this.run.at[event] / 1000; }
  x(event) { return LABELS + (this.unit(event) - this.left) * this.scale; }
  length() { return this.order ? this.ranks : this.run.end / 1000; }
  room() { return Math.max(50, this.width - LABELS - 12); }

  // The first event at or behind a pixel.
  eventAtX(x) {
    const unit = this.left + (x - LABELS) / this.scale;
    if (this.order) return lowerBound(this.rank, unit);
    return lowerBound(this.run.at, unit * 1000);
  }

  resize() {
    const ratio = devicePixelRatio || 1;
    this.width = this.holder.clientWidth || 800;
    for (const canvas of [this.base, this.over]) {
      canvas.width = Math.round(this.width * ratio);
      canvas.height = Math.round(this.height() * ratio);
      canvas.style.width = `${this.width}px`;
      canvas.style.height = `${this.height()}px`;
      canvas.getContext("2d").setTransform(ratio, 0, 0, ratio, 0, 0);
    }
    this.draw();
  }

  // Everything is in sight.
  fit() {
    this.left = 0;
    this.scale = this.room() / Math.max(1, this.length());
    this.draw();
  }

  // Brings an event into sight, and some of what is beside it.
  show(event, closer) {
    const x = this.x(event);
    if (closer) {
      const near = this.order ? Math.max(30, this.room() / 22) : this.nearby(event);
      this.scale = this.room() / near;
    } else if (x >= LABELS + 30 && x <= this.width - 30) {
      return;
    }
    this.left = this.unit(event) - this.room() / this.scale * 0.7;
    this.moved();
  }

  // How much time the events beside this one take: enough to see them apart.
  nearby(event) {
    const first = Math.max(0, event - 25), last = Math.min(this.run.count - 1, event + 15);
    return Math.max(20, (this.run.at[last] - this.run.at[first]) / 1000);
  }

  setOrder(order) {
    // What is in sight stays in sight.
    const last = Math.min(this.run.count - 1, this.eventAtX(this.width - 12));
    const first = Math.min(Math.max(0, last), this.eventAtX(LABELS));
    this.order = order;
    if (last < 0) return;
    this.scale = this.room() / Math.max(20, this.unit(last) - this.unit(first));
    this.left = this.unit(first);
    this.moved();
  }

  zoom(factor, x = LABELS + this.room() / 2) {
    const unit = this.left + (x - LABELS) / this.scale;
    const widest = this.room() / Math.max(1, this.length()) / 1.2;
    const closest = this.order ? 80 : 40;
    this.scale = Math.min(closest, Math.max(widest, this.scale * factor));
    this.left = unit - (x - LABELS) / this.scale;
    this.moved();
  }

  pan(pixels) {
    this.left += pixels / this.scale;
    this.moved();
  }

  moved() {
    const most = this.length() - this.room() / this.scale * 0.92;
    this.left = Math.max(0, Math.min(most, this.left));
    this.draw();
    this.act.moved(this);
  }

  // ---- what the reader does ------------------------------------------------------------------

  listen() {
    let drag = null;
    this.over.addEventListener("wheel", (event) => {
      event.preventDefault();
      if (event.ctrlKey || event.metaKey) this.zoom(Math.exp(-event.deltaY / 300), event.offsetX);
      else this.pan(event.deltaX || event.deltaY);
    }, { passive: false });
    this.over.addEventListener("pointerdown", (event) => {
      drag = { x: event.offsetX, moved: 0 };
      this.over.setPointerCapture(event.pointerId);
    });
    this.over.addEventListener("pointermove", (event) => {
      if (!drag) return;
      const by = drag.x - event.offsetX;
      drag.moved += Math.abs(by);
      drag.x = event.offsetX;
      this.pan(by);
    });
    this.over.addEventListener("pointerup", (event) => {
      if (drag && drag.moved < 4) this.click(event.offsetX, event.offsetY);
      drag = null;
    });
    this.over.addEventListener("pointercancel", () => { drag = null; });
  }

  // The event that is nearest to a spot.
  nearest(x, y) {
    const { run } = this;
    const from = this.eventAtX(x - 12), to = this.eventAtX(x + 12);
    let best = null, least = 40;
    for (let event = from; event < to; event++) {
      if (this.shown && !this.shown[event]) continue;
      const server = run.server[event];
      const away = server >= 0 ? Math.abs(this.laneY(server) - y) / 4 : Math.abs(HEAD / 2 - y) / 2;
      const distance = Math.abs(this.x(event) - x) + away;
      if (distance < least) [best, least] = [event, distance];
    }
    return best;
  }

  click(x, y) {
    const event = this.nearest(x, y);
    if (event !== null) this.act.select(event);
  }

  // ---- drawing -------------------------------------------------------------------------------

  draw() {
    if (this.pending || this.rank === null) return;
    this.pending = true;
    requestAnimationFrame(() => {
      this.pending = false;
      this.frames++;
      this.drawBase();
      this.drawOver();
    });
  }

  // True the first time that something is to be drawn on a spot.
  first(spot) {
    if (this.stamps[spot] === this.stamp) return false;
    this.stamps[spot] = this.stamp;
    return true;
  }
}
