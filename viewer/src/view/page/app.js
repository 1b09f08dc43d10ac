// The page: its runs, its keys and buttons, and the link to where one is.

function start() {
  const theme = new Theme().read();
  const data = JSON.parse(document.getElementById("data").textContent);
  const places = document.getElementById("runs");
  const model = document.getElementById("run");
  const app = { views: [], active: 0, difference: data.difference };
  window.raftViewer = app;
  data.runs.forEach((run, number) => {
    const root = model.content.firstElementChild.cloneNode(true);
    root.querySelector(".list").dataset.name = number ? "other-event" : "event";
    root.querySelector(".rows").setAttribute("aria-label", `events of ${run.title}`);
    places.append(root);
    const view = new View(root, new Run(run), theme, (view) => follow(app, view));
    view.firstDifference = view.timeline.difference = data.difference;
    root.addEventListener("pointerdown", () => { app.active = number; }, true);
    root.addEventListener("focusin", () => { app.active = number; });
    app.views.push(view);
  });
  places.classList.toggle("two", app.views.length > 1);
  showDifference(app);
  makeFilters(app);
  listenToButtons(app);
  document.addEventListener("keydown", (event) => listenToKeys(app, event));
  theme.onChange(() => {
    theme.read();
    app.views.forEach((view) => view.redraw());
  });
  if (!goToLink(app)) app.views.forEach((view) => view.verdict({ quietly: true }));
  window.addEventListener("hashchange", () => goToLink(app));
  document.documentElement.dataset.ready = "yes";
}

function current(app) { return app.views[app.active]; }

// ---- two runs ------------------------------------------------------------------------------------

// The other run goes along: to the same event as long as they are the same, then to the same moment.
function follow(app, view) {
  app.active = app.views.indexOf(view);
  writeLink(app);
  const other = app.views[1 - app.active];
  if (!other || !other.run.count) return;
  const same = app.difference === null || view.selected < app.difference;
  const nearest = lowerBound(other.run.at, view.run.at[view.selected]);
  const event = same ? view.selected : nearest;
  other.select(Math.min(other.run.count - 1, event), { quietly: true });
}

function showDifference(app) {
  const place = document.getElementById("difference");
  place.hidden = app.views.length < 2;
  if (place.hidden) return;
  if (app.difference === null) {
    place.append("Both runs are the same, event by event.");
    return;
  }
  const words = app.views.map(({ run }) => app.difference < run.count
    ? `${run.seconds(app.difference)} s: ${run.text(app.difference)}` : "it is over");
  place.append(element("strong", "", `First difference: event ${app.difference + 2}. `),
    element("span", "", `Left at ${words[0]}. Right at ${words[1]}.`));
}

function goToDifference(app) {
  if (app.difference === null || app.difference === undefined) return;
  app.views.forEach((view) => {
    const event = Math.min(view.run.count - 1, app.difference);
    view.select(event, { closer: true, quietly: true });
  });
  writeLink(app);
}

// ---- links -----------------------------------------------------------------------------------------

function writeLink(app) {
  const view = current(app);
  const link = new URLSearchParams();
  if (view.selected !== null) link.set("event", view.run.number(view.selected));
  if (app.active) link.set("run", app.active + 1);
  if (!view.timeline.order) link.set("axis", "time");
  if (view.showCauses) link.set("causes", "1");
  history.replaceState(null, "", `#${link}`);
}

// Whether the address names an event that is there.
function goToLink(app) {
  const link = new URLSearchParams(location.hash.slice(1));
  const run = Number(link.get("run") ?? 1) - 1;
  if (app.views[run]) app.active = run;
  const view = current(app);
  const event = view.run.atNumber(link.get("event") ?? "");
  if (event === null || event === view.selected) return event !== null;
  setOrder(app, link.get("axis") !== "time");
  setCauses(app, link.get("causes") === "1");
  view.select(event, { closer: true });
  return true;
}

// ---- filters, buttons, keys ----------------------------------------------------------------------

function makeFilters(app) {
  const topics = document.getElementById("topics");
  const refilter = () => app.views.forEach((view) => view.applyFilter());
  const box = (name, on, change) => {
    const label = element("label", name.split(" ")[0]);
    const input = element("input");
    input.type = "checkbox";
    input.checked = on;
    input.addEventListener("change", () => {
      change(input.checked);
      refilter();
    });
    label.append(input, ` ${name}`);
    return label;
  };
  for (const topic of TOPICS) {
    topics.append(box(topic, app.views[0].filter.topics.has(topic), (on) => {
      for (const { filter } of app.views) filter.topics[on ? "add" : "delete"](topic);
    }));
  }
  const servers = document.getElementById("servers");
  const count = Math.max(...app.views.map((view) => view.run.servers));
  const chosen = new Set(Array.from({ length: count }, (_, server) => server));
  for (let server = 0; server < count; server++) {
    servers.append(box(`server ${server}`, true, (on) => {
      chosen[on ? "add" : "delete"](server);
      for (const { filter } of app.views) filter.servers = chosen.size < count ? chosen : null;
    }));
  }
  document.getElementById("words").addEventListener("input", (event) => {
    const words = event.target.value.trim().toLowerCase();
    for (const { filter } of app.views) filter.words = words;
    refilter();
  });
}

function setOrder(app, order) {
  app.views.forEach((view) => {
    if (view.timeline.order !== order) view.timeline.setOrder(order);
    if (view.selected !== null) view.timeline.show(view.selected, true);
  });
  document.getElementById("time").setAttribute("aria-pressed", !order);
}

function setCauses(app, on) {
  app.views.forEach((view) => {
    view.showCauses = on;
    if (view.selected !== null) view.select(view.selected, { quietly: true });
  });
  document.getElementById("causes").setAttribute("aria-pressed", on);
}

// What can be done, by name: the buttons and the keys call these.
const ACTIONS = {
  next: (app) => current(app).step(1),
  back: (app) => current(app).step(-1),
  nextHere: (app) => current(app).stepServer(1),
  backHere: (app) => current(app).stepServer(-1),
  message: (app) => current(app).followMessage(),
  verdict: (app) => app.views.forEach((view, at) => view.verdict({ quietly: at !== app.active })),
  difference: goToDifference,
  causes: (app) => {
    setCauses(app, !current(app).showCauses);
    writeLink(app);
  },
  time: (app) => {
    setOrder(app, !current(app).timeline.order);
    writeLink(app);
  },
  closer: (app) => app.views.forEach((view) => view.timeline.zoom(1.5)),
  wider: (app) => app.views.forEach((view) => view.timeline.zoom(1 / 1.5)),
  whole: (app) => app.views.forEach((view) => view.timeline.fit()),
  first: (app) => current(app).first(),
  last: (app) => current(app).last(),
  pageDown: (app) => current(app).jump(1),
  pageUp: (app) => current(app).jump(-1),
  search: () => document.getElementById("words").focus(),
  help: () => {
    const help = document.getElementById("help");
    if (help.open) help.close(); else help.showModal();
  },
};

const KEYS = {
  ArrowRight: "next", ArrowLeft: "back", ArrowDown: "next", ArrowUp: "back",
  "shift ArrowRight": "nextHere", "shift ArrowLeft": "backHere",
  "shift ArrowDown": "nextHere", "shift ArrowUp": "backHere",
  j: "next", k: "back", m: "message", v: "verdict", d: "difference", c: "causes", t: "time",
  "+": "closer", "=": "closer", "-": "wider", 0: "whole", Home: "first", End: "last",
  PageDown: "pageDown", PageUp: "pageUp", "/": "search", "?": "help",
};

function listenToKeys(app, event) {
  const typing = event.target instanceof HTMLInputElement && event.target.type !== "checkbox";
  if (event.key === "Escape" && typing) event.target.blur();
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const arrow = event.shiftKey && event.key.startsWith("Arrow") ? `shift ${event.key}` : event.key;
  const action = KEYS[arrow];
  if (!action) return;
  if (document.getElementById("help").open && action !== "help") return;
  event.preventDefault();
  ACTIONS[action](app);
}

function listenToButtons(app) {
  for (const button of document.querySelectorAll("button[data-action]")) {
    button.addEventListener("click", () => ACTIONS[button.dataset.action](app));
  }
}

start();
