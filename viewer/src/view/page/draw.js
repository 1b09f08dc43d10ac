// How the picture is drawn: bands of roles and terms, messages, events, the axis, the cursor.

Object.assign(Timeline.prototype, {
  drawBase() {
    const { run, theme, width } = this;
    const c = this.base.getContext("2d");
    c.clearRect(0, 0, width, this.height());
    c.font = "11px system-ui, sans-serif";
    c.textBaseline = "middle";
    this.from = this.eventAtX(LABELS);
    this.to = this.eventAtX(width);
    const spots = (width + 2) * Math.max(4, run.servers * run.servers * 2);
    if (this.stamps.length < spots) this.stamps = new Uint32Array(spots);
    this.dense = this.to - this.from > DENSE;
    c.save();
    c.beginPath();
    c.rect(LABELS, 0, width - LABELS, this.height());
    c.clip();
    this.drawAxis(c);
    for (let server = 0; server < run.servers; server++) this.drawLane(c, server);
    this.drawArrows(c);
    this.drawEvents(c);
    c.restore();
    c.textAlign = "right";
    c.font = "12px system-ui, sans-serif";
    for (let server = 0; server < run.servers; server++) {
      const blamed = run.data.verdict && run.data.verdict.guilty === server;
      c.fillStyle = blamed ? theme.wrong : theme.text;
      c.fillText(`server ${server}${blamed ? " !" : ""}`, LABELS - 8, this.laneY(server));
    }
    c.textAlign = "left";
  },

  drawAxis(c) {
    const { theme } = this;
    const rough = 90 / this.scale;
    const power = 10 ** Math.floor(Math.log10(rough));
    const nice = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough) || rough;
    const step = this.order ? Math.max(1, Math.round(nice)) : nice;
    c.fillStyle = theme.faint;
    c.strokeStyle = theme.line;
    c.lineWidth = 1;
    c.beginPath();
    const first = Math.max(0, Math.floor(this.left / step)) * step;
    for (let unit = first; unit <= this.length(); unit += step) {
      const x = LABELS + (unit - this.left) * this.scale;
      if (x > this.width) break;
      c.moveTo(Math.round(x) + 0.5, HEAD - 4);
      c.lineTo(Math.round(x) + 0.5, this.height());
      const event = Math.min(this.run.count - 1, this.eventAtX(x));
      const text = this.order && event >= 0 ? `${this.run.seconds(event)} s` : seconds(unit, step);
      c.fillText(text, x + 3, 9);
    }
    c.stroke();
  },

  drawLane(c, server) {
    const { run, theme } = this;
    const y = this.laneY(server);
    const list = run.segments[server];
    let last = -1;
    for (let i = Math.max(0, run.segmentAt(server, this.from)); i < list.length; i++) {
      const part = list[i];
      if (part.from >= this.to) break;
      const x = Math.max(LABELS - 2, this.x(part.from));
      const end = part.to >= run.count ? this.x(run.count - 1) : this.x(part.to);
      if (this.dense && Math.round(end) <= last + 1) continue;
      last = Math.round(end);
      if (this.dense && end - x < 30) this.fillStretch(c, part, x, end, y);
      else this.drawStretch(c, part, x, Math.min(end, this.width + 2), y);
    }
    c.strokeStyle = theme.line;
    c.beginPath();
    c.moveTo(LABELS, y + this.lane / 2 - 0.5);
    c.lineTo(this.width, y + this.lane / 2 - 0.5);
    c.stroke();
  },

  // One that is too short for a frame and words.
  fillStretch(c, part, x, end, y) {
    const half = !part.up ? 1 : part.role === "leader" ? BAND / 2 : BAND / 4;
    c.fillStyle = part.up ? this.theme.term(part.term, 1) : this.theme.faint;
    c.fillRect(x, y - half, Math.max(2, end - x), half * 2);
  },

  // Down: crossed out. Leader: a high band; candidate: a dashed frame; follower: a low band. Cut
  // off: a dashed line above.
  drawStretch(c, part, x, end, y) {
    const { theme } = this;
    const wide = Math.max(1, end - x);
    if (!part.up) {
      c.strokeStyle = theme.faint;
      c.beginPath();
      c.moveTo(x, y);
      c.lineTo(end, y);
      for (let at = x - (x % 12); at < end; at += 12) {
        c.moveTo(at, y - 5);
        c.lineTo(at + 8, y + 5);
      }
      c.stroke();
      if (wide > 40) this.label(c, "down", x, y);
      return;
    }
    const half = part.role === "leader" ? BAND / 2 : part.role === "candidate" ? BAND / 3 : BAND / 5;
    c.fillStyle = theme.term(part.term, part.role === "leader" ? 2 : 1);
    c.fillRect(x, y - half, wide, half * 2);
    if (part.role !== "follower") {
      c.strokeStyle = theme.text;
      c.setLineDash(part.role === "candidate" ? [3, 3] : []);
      c.strokeRect(x + 0.5, y - half, wide, half * 2);
      c.setLineDash([]);
    }
    if (!part.connected) {
      c.strokeStyle = theme.wrong;
      c.setLineDash([6, 4]);
      c.beginPath();
      c.moveTo(x, y - BAND / 2 - 3);
      c.lineTo(end, y - BAND / 2 - 3);
      c.stroke();
      c.setLineDash([]);
    }
    const role = { leader: "LEADER", candidate: "candidate", follower: "" }[part.role];
    const vote = part.vote === null ? "" : ` vote ${part.vote}`;
    const cut = part.connected ? "" : " cut off";
    const texts = [`${role} t${part.term}${vote}${cut}`.trim(), `${role.slice(0, 1)} t${part.term}`];
    const text = texts.find((text) => c.measureText(text).width + 8 < wide);
    if (text) this.label(c, text.trim(), x, y);
  },

  label(c, text, x, y) {
    c.fillStyle = this.theme.text;
    c.fillText(text, Math.max(x, LABELS) + 4, y - 10); // above the dots
  },

  drawArrows(c) {
    const { run, theme, past } = this;
    this.stamp++;
    const spots = run.servers * run.servers;
    // Arrows are sorted by their begin; those that begin further left may still be under way.
    const paths = new Map();
    const path = (style) => {
      if (!paths.has(style)) paths.set(style, []);
      return paths.get(style);
    };
    const arrows = run.arrows;
    const begins = this.arrowBegins();
    for (let i = lowerBound(begins, this.from - this.reach()); i < arrows.length; i++) {
      const arrow = arrows[i];
      if (arrow.event >= this.to) break;
      if (this.shown && !this.shown[arrow.event]) continue;
      const end = arrow.end ?? arrow.event;
      if (end < this.from) continue;
      const x = this.x(arrow.event);
      if (this.dense) {
        const spot = Math.max(0, x >> 2) * spots + arrow.from * run.servers + arrow.to;
        if (!this.first(spot)) continue;
      }
      const faint = past && !past[arrow.event];
      const style = `${faint ? 0 : 1}${run.topic[arrow.event]}${run.kind[arrow.event] === SENT ? 1 : 0}`;
      path(style).push(arrow, x);
    }
    for (const [style, list] of paths) {
      c.globalAlpha = style[0] === "0" ? 0.12 : style[1] === "3" ? 0.5 : 0.9;
      c.strokeStyle = c.fillStyle = theme.topics[Number(style[1])];
      c.setLineDash(style[2] === "1" || this.dense ? [] : [4, 3]);
      c.lineWidth = 1;
      c.beginPath();
      for (let i = 0; i < list.length; i += 2) this.traceArrow(c, list[i], list[i + 1]);
      c.stroke();
    }
    c.setLineDash([]);
    c.globalAlpha = 1;
  },

  // Where each arrow begins, for searching.
  arrowBegins() {
    this.begins ??= Int32Array.from(this.run.arrows, (arrow) => arrow.event);
    return this.begins;
  },

  // How many events an arrow spans at most.
  reach() {
    this.longest ??= this.run.arrows.reduce((longest, arrow) =>
      Math.max(longest, (arrow.end ?? arrow.event) - arrow.event), 0);
    return this.longest;
  },

  traceArrow(c, arrow, x) {
    const down = Math.sign(arrow.to - arrow.from);
    const y = this.laneY(arrow.from) + down * 6;
    if (arrow.end === null) {
      // It goes nowhere: a stub, with a cross if it was lost.
      const tip = this.laneY(arrow.from) + down * (this.lane / 2 - 2);
      c.moveTo(x, y);
      c.lineTo(x + 5, tip);
      if (arrow.lost && !this.dense) {
        c.moveTo(x + 1, tip - 4);
        c.lineTo(x + 9, tip + 4);
        c.moveTo(x + 9, tip - 4);
        c.lineTo(x + 1, tip + 4);
      }
      return;
    }
    const end = this.x(arrow.end);
    const tip = this.laneY(arrow.to) - down * 6;
    c.moveTo(x, y);
    c.lineTo(end, tip);
    if (!this.dense) {
      const angle = Math.atan2(tip - y, end - x);
      for (const turn of [2.7, -2.7]) {
        c.moveTo(end, tip);
        c.lineTo(end + 6 * Math.cos(angle + turn), tip + 6 * Math.sin(angle + turn));
      }
    }
  },

  drawEvents(c) {
    const { run, past, width } = this;
    this.stamp++;
    const bars = new Map(); // by style, since what is drawn in one go is drawn faster
    for (let event = this.from; event < this.to; event++) {
      if (this.shown && !this.shown[event]) continue;
      const server = run.server[event];
      const wrong = run.tone[event] === WRONG;
      const x = this.x(event);
      const faint = past !== null && !past[event];
      if (this.dense && !wrong) {
        if (!this.first(Math.round(x) + (server + 1) * (width + 2))) continue;
        if (server >= 0) {
          const style = run.topic[event] * 2 + (faint ? 1 : 0);
          if (!bars.has(style)) bars.set(style, []);
          bars.get(style).push(Math.round(x), this.laneY(server));
          continue;
        }
      }
      c.globalAlpha = faint ? 0.15 : 1;
      if (server < 0) this.drawStep(c, event, x);
      else this.drawMark(c, event, x, this.laneY(server), wrong);
    }
    for (const [style, spots] of bars) {
      c.globalAlpha = style % 2 ? 0.15 : 1;
      c.fillStyle = this.theme.topics[style >> 1];
      c.beginPath();
      for (let i = 0; i < spots.length; i += 2) c.rect(spots[i], spots[i + 1] - 3, 1, 6);
      c.fill();
    }
    c.globalAlpha = 1;
  },

  // What the test does: a line across all lanes.
  drawStep(c, event, x) {
    const { theme, run } = this;
    const verdict = KINDS[run.kind[event]] === "verdict" && run.data.verdict;
    c.strokeStyle = verdict ? theme.wrong : theme.mark;
    c.lineWidth = verdict ? 2 : 1;
    c.setLineDash(verdict ? [] : [2, 4]);
    c.beginPath();
    c.moveTo(x, HEAD - 6);
    c.lineTo(x, this.height());
    c.stroke();
    c.setLineDash([]);
    c.lineWidth = 1;
  },

  // A dot in the topic's colour; what no right Raft does, a large one with a ring.
  drawMark(c, event, x, y, wrong) {
    const { theme, run } = this;
    c.fillStyle = theme.topics[run.topic[event]];
    const lost = run.kind[event] === LOST;
    c.beginPath();
    if (lost) {
      c.strokeStyle = c.fillStyle;
      c.moveTo(x - 3, y - 3);
      c.lineTo(x + 3, y + 3);
      c.moveTo(x + 3, y - 3);
      c.lineTo(x - 3, y + 3);
      c.stroke();
      return;
    }
    c.arc(x, y, wrong ? 5 : 3, 0, 7);
    c.fill();
    if (wrong) {
      c.strokeStyle = theme.wrong;
      c.lineWidth = 2;
      c.beginPath();
      c.arc(x, y, 9, 0, 7);
      c.stroke();
      c.lineWidth = 1;
    }
  },

  drawOver() {
    const c = this.over.getContext("2d");
    const { theme, run, selected } = this;
    c.clearRect(0, 0, this.width, this.height());
    if (this.difference !== null && this.difference !== undefined) {
      this.cursor(c, this.x(this.difference), theme.wrong, [6, 3], "first difference");
    }
    if (selected === null) return;
    const x = this.x(selected);
    this.cursor(c, x, theme.mark, [], "");
    const server = run.server[selected];
    if (server >= 0 && x >= LABELS) {
      c.strokeStyle = theme.mark;
      c.lineWidth = 2;
      c.strokeRect(x - 8, this.laneY(server) - 8, 16, 16);
    }
  },

  cursor(c, x, colour, dash, text) {
    if (x < LABELS || x > this.width) return;
    c.strokeStyle = c.fillStyle = colour;
    c.lineWidth = 1.5;
    c.setLineDash(dash);
    c.beginPath();
    c.moveTo(x, 0);
    c.lineTo(x, this.height());
    c.stroke();
    c.setLineDash([]);
    c.font = "11px system-ui, sans-serif";
    c.textBaseline = "middle";
    if (text) c.fillText(text, x + 4, this.height() - 8);
  },
});

// Microseconds as seconds, with as many digits as the axis needs.
function seconds(us, step) {
  const digits = Math.max(0, Math.min(6, 6 - Math.floor(Math.log10(Math.max(1, step)))));
  return `${(us / 1e6).toFixed(digits)} s`;
}
