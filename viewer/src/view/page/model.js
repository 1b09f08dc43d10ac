// A run: what happened, and what each server was like at each moment.

const KINDS = ["sent", "delivered", "answered", "received", "lost", "state", "saved", "applied",
  "installed", "log", "test", "verdict"];
const SENT = 0, DELIVERED = 1, ANSWERED = 2, RECEIVED = 3, LOST = 4;
const TOPICS = ["test", "vote", "append", "heartbeat", "commit", "snapshot", "save", "lost", "log"];
const WRONG = 2;
// The state is kept after so many changes, so that no moment is far from a state that is known.
const CHANGES_A_CHECKPOINT = 256;

// The first position at which an ascending array is not below the value.
function lowerBound(array, value) {
  let low = 0, high = array.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (array[middle] < value) low = middle + 1; else high = middle;
  }
  return low;
}

function newServer(connected, starts) {
  return { up: starts > 0, connected, starts, term: 0, vote: null, role: "follower",
    snapshot: { index: 0, term: 0, size: 0 }, entries: [], commit: 0, applied: 0,
    next: {}, match: {} };
}

// A server after one change; the one before stays as it is.
function changed(server, change) {
  if ("starts" in change) return newServer(server.connected, change.starts);
  const after = { ...server };
  if ("up" in change) after.up = change.up;
  if ("connected" in change) after.connected = change.connected;
  if ("term" in change) after.term = change.term;
  if ("vote" in change) after.vote = change.vote;
  if ("role" in change) {
    after.role = change.role;
    after.next = {};
    after.match = {};
  }
  if ("snapshot" in change) {
    after.snapshot = change.snapshot;
    after.entries = after.entries.filter((entry) => entry.index > change.snapshot.index);
  }
  if ("truncated" in change) {
    after.entries = after.entries.filter((entry) => entry.index <= change.truncated);
  }
  if ("appended" in change) after.entries = after.entries.concat(change.appended);
  if ("commit" in change) after.commit = change.commit;
  if ("applied" in change) after.applied = change.applied;
  if ("next" in change) after.next = { ...after.next, ...change.next };
  if ("match" in change) after.match = { ...after.match, ...change.match };
  return after;
}

class Run {
  constructor(data) {
    this.data = data;
    this.servers = data.servers;
    this.count = data.at.length;
    this.at = Float64Array.from(data.at);
    this.server = Int16Array.from(data.server);
    this.concerns = Int16Array.from(data.concerns);
    this.topic = Uint8Array.from(data.topic);
    this.tone = Uint8Array.from(data.tone);
    this.kind = Uint8Array.from(data.kind);
    this.call = Int32Array.from(data.call);
    this.end = this.count ? this.at[this.count - 1] : 0;
    this.changedAt = Int32Array.from(data.changes, (change) => change[0]);
    this.checkpoints = this.makeCheckpoints();
    this.segments = this.makeSegments();
    this.arrows = this.makeArrows();
    this.details = new Map(data.details);
  }

  text(event) { return this.data.texts[this.data.text[event]]; }
  thread(event) { return this.data.threads[this.data.thread[event]]; }
  // The number by which people know an event: its line in the trace.
  number(event) { return event + 2; }
  seconds(event) { return (this.at[event] / 1e9).toFixed(6); }
  callOf(event) { return this.call[event] < 0 ? null : this.data.calls[this.call[event]]; }

  // The event at a number, or null.
  atNumber(number) {
    const event = Number(number) - 2;
    return Number.isInteger(event) && event >= 0 && event < this.count ? event : null;
  }

  makeCheckpoints() {
    let world = Array.from({ length: this.servers }, () => newServer(false, 0));
    const checkpoints = [world];
    this.data.changes.forEach(([, server, change], number) => {
      world = world.slice();
      world[server] = changed(world[server], change);
      if ((number + 1) % CHANGES_A_CHECKPOINT === 0) checkpoints.push(world);
    });
    return checkpoints;
  }

  // All servers after an event; -1 is before the first.
  worldAt(event) {
    const changes = lowerBound(this.changedAt, event + 1);
    const from = Math.floor(changes / CHANGES_A_CHECKPOINT);
    const world = this.checkpoints[from].slice();
    for (let number = from * CHANGES_A_CHECKPOINT; number < changes; number++) {
      const [, server, change] = this.data.changes[number];
      world[server] = changed(world[server], change);
    }
    return world;
  }

  // For each server, the stretches in which role, term and reach are the same.
  makeSegments() {
    const segments = Array.from({ length: this.servers }, () => []);
    const now = Array.from({ length: this.servers }, () => newServer(false, 0));
    for (const [event, server, change] of this.data.changes) {
      const before = now[server];
      const after = changed(before, { ...change, appended: [] });
      now[server] = after;
      const same = ["up", "connected", "role", "term", "vote"].every((k) => before[k] === after[k]);
      if (same) continue;
      const list = segments[server];
      if (list.length) list[list.length - 1].to = event;
      const { up, connected, role, term, vote } = after;
      list.push({ from: event, to: this.count, up, connected, role, term, vote });
    }
    return segments;
  }

  // Requests and replies on their way, in the order in which they leave. `lost` ones have no end.
  makeArrows() {
    const arrows = [];
    for (const call of this.data.calls) {
      const { from, to, sent, delivered, answered, received, lost } = call;
      if (sent !== null) {
        const gone = delivered === null && (lost !== null || answered === null);
        arrows.push({ event: sent, end: delivered, from, to, lost: gone && lost !== null, call });
      }
      if (answered !== null) {
        arrows.push({ event: answered, end: received, from: to, to: from,
          lost: received === null && lost !== null, call });
      }
    }
    arrows.sort((a, b) => a.event - b.event);
    return arrows;
  }

  // What could have influenced an event: all before it on its server, and on each server from
  // which a message has come since. What the test does counts at the server that it concerns.
  past(target) {
    const found = new Uint8Array(this.count);
    const reached = new Uint8Array(this.servers);
    const sent = new Set(), answered = new Set();
    const guilty = this.data.verdict ? this.data.verdict.guilty : null;
    for (let event = target; event >= 0; event--) {
      const server = this.server[event] >= 0 ? this.server[event] : this.concerns[event];
      const kind = this.kind[event];
      let inPast;
      if (event === target) {
        inPast = true;
        const blamed = server >= 0 ? server : guilty;
        if (blamed === null) reached.fill(1); else reached[blamed] = 1;
      } else {
        const carried = (kind === SENT && sent.delete(this.call[event])) ||
          (kind === ANSWERED && answered.delete(this.call[event]));
        inPast = carried || (server >= 0 ? reached[server] === 1 : KINDS[kind] !== "log");
        if (inPast && this.server[event] >= 0) reached[server] = 1;
      }
      if (!inPast) continue;
      found[event] = 1;
      if (kind === DELIVERED) sent.add(this.call[event]);
      if (kind === RECEIVED) answered.add(this.call[event]);
    }
    return found;
  }

  // The other end of a message: from its sending to its arrival, and back.
  otherEnd(event) {
    const call = this.callOf(event);
    if (!call) return null;
    switch (this.kind[event]) {
      case SENT: return call.delivered ?? call.lost;
      case DELIVERED: return call.sent;
      case ANSWERED: return call.received ?? call.lost;
      case RECEIVED: return call.answered;
      default: return call.answered ?? call.sent;
    }
  }

  // The index of the stretch of a server in which an event lies, or -1.
  segmentAt(server, event) {
    const list = this.segments[server];
    let low = 0, high = list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (list[middle].from <= event) low = middle + 1; else high = middle;
    }
    return low - 1;
  }
}
