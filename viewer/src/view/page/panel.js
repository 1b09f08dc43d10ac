// The cursor: the event, and what Figure 2 says of each server at that instant. What the event has
// changed is marked, and says what was there before.

const BOXES = 16; // so many entries of each log are drawn

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

class Panel {
  constructor(holder, run, theme, act) {
    this.holder = holder;
    this.run = run;
    this.theme = theme;
    this.act = act;
  }

  show(event) {
    const { run } = this;
    const after = run.worldAt(event);
    const before = event > 0 ? run.worldAt(event - 1) : after;
    const table = element("table");
    const head = element("tr");
    head.append(element("th", "", ""));
    for (let server = 0; server < run.servers; server++) {
      const cell = element("th", "", `server ${server}`);
      cell.scope = "col";
      head.append(cell);
    }
    table.append(head);
    for (const [name, value] of this.fields(before, after)) {
      const row = element("tr");
      const label = element("th", "", name);
      label.scope = "row";
      row.append(label);
      after.forEach((server, number) => row.append(this.cell(value, before[number], server)));
      table.append(row);
    }
    this.holder.replaceChildren(this.event(event), table, this.logs(before, after, run.server[event]));
  }

  fields(before, after) {
    const list = (values) => Object.entries(values).map(([to, at]) => `${to}: ${at}`).join(", ");
    const fields = [
      ["role", (s) => !s.up ? "down" : s.connected ? s.role : `${s.role}, cut off`],
      ["currentTerm", (s) => String(s.term)],
      ["votedFor", (s) => s.vote === null ? "–" : String(s.vote)],
      ["last entry", (s) => {
        const last = s.entries.at(-1) ?? s.snapshot;
        return last.index ? `${last.index}@${last.term}` : "–";
      }],
      ["commitIndex", (s) => String(s.commit)],
      ["lastApplied", (s) => String(s.applied)],
    ];
    const leads = (world) => world.some((s) => s.role === "leader");
    if (leads(before) || leads(after)) {
      fields.push(["nextIndex", (s) => list(s.next)], ["matchIndex", (s) => list(s.match)]);
    }
    return fields;
  }

  cell(value, before, after) {
    const cell = element("td");
    if (!after.up && value(after) !== "down") cell.className = "down";
    cell.textContent = value(after);
    if (value(before) !== value(after)) {
      cell.classList.add("changed");
      cell.append(element("small", "", ` was ${value(before) || "empty"}`));
    }
    return cell;
  }

  // The ends of all logs, one below the other, index by index: entries as boxes with their terms, in
  // their terms' colours. Committed ones have a thick frame, applied ones a line below; new ones are
  // marked, and those that the event has deleted are struck out.
  logs(before, after, server) {
    const end = (s) => s.entries.at(-1)?.index ?? s.snapshot.index;
    const longest = Math.max(0, ...[...before, ...after].map(end));
    // The log of the server that the event is at, and a bit of those that are longer.
    const own = server < 0 ? longest : Math.max(end(before[server]), end(after[server])) + 3;
    const last = Math.min(longest, own);
    if (longest === 0) return element("p", "facts", "all logs are empty");
    const first = Math.max(1, last - BOXES + 1);
    const table = element("table", "logs");
    const head = element("tr");
    head.append(element("th", "", "log"));
    for (let index = first; index <= last; index++) head.append(element("th", "", index));
    table.append(head);
    after.forEach((server, number) => {
      const row = element("tr");
      const name = element("th", "", `server ${number}`);
      name.scope = "row";
      row.append(name);
      for (let index = first; index <= last; index++) {
        row.append(this.entry(index, before[number], server));
      }
      table.append(row);
    });
    return table;
  }

  entry(index, before, after) {
    const at = (server) => server.entries[index - (server.entries[0]?.index ?? index + 1)];
    const [old, now] = [at(before), at(after)];
    const cell = element("td");
    if (!now) {
      if (index <= after.snapshot.index) cell.append(element("i", "", "snap"));
      else if (old) cell.append(element("s", "gone", old.term));
      return cell;
    }
    const classes = ["entry"];
    if (index <= after.commit) classes.push("committed");
    if (index <= after.applied) classes.push("applied");
    if (!old || old.term !== now.term || old.command !== now.command) classes.push("new");
    cell.className = classes.join(" ");
    cell.style.background = this.theme.term(now.term, 1);
    cell.textContent = now.term;
    cell.title = `entry ${index}, term ${now.term}: ${now.command}` +
      (classes.length > 1 ? ` (${classes.slice(1).join(", ")})` : "");
    cell.setAttribute("aria-label", cell.title);
    return cell;
  }

  event(event) {
    const { run } = this;
    const made = element("div", "event");
    const server = run.server[event];
    const where = server >= 0 ? `server ${server}` : "test";
    made.append(element("h2", `tone${run.tone[event]}`, `${where}: ${run.text(event)}`));
    const facts = [`event ${run.number(event)}`, `${run.seconds(event)} s`,
      `thread ${run.thread(event)}`];
    const call = run.callOf(event);
    if (call) {
      facts.push(`call ${call.number}, ${call.method}, ${call.from} to ${call.to}`);
      const [there, back] = [this.took(call.sent, call.delivered),
        this.took(call.answered, call.received)];
      if (there) facts.push(`${there} there`);
      if (back) facts.push(`${back} back`);
      if (call.why) facts.push(`lost: ${call.why}`);
    }
    made.append(element("p", "facts", facts.join(" · ")));
    const detail = run.details.get(event);
    if (detail) made.append(element("pre", "", detail));
    return made;
  }

  took(from, to) {
    if (from === null || to === null) return null;
    return `${((this.run.at[to] - this.run.at[from]) / 1e6).toFixed(3)} ms`;
  }
}
