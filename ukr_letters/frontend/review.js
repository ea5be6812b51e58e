// The review page in the browser: the next drawings lie here already, so that a judge never waits.
// The kernel keeps the verdicts; this file shows drawings, listens to keys and finds the words.

const SILENCE = 8000; // ms without any sign of life after a message: the kernel is gone
const LISTEN = 15000; // ms between questions whether it is still there
const ENOUGH = 20; // drawings that lie ready; with fewer, more are asked for
const PAUSE = 400; // ms: longer pauses of the pen are shortened in a replay
const PAPER = { guide: "#b9c7d9", base: "#7f9fc4", ghost: "#c6d0de", ink: "#14233c", width: 11 / 400 };
const REASONS = ["empty", "scribble", "duplicate", "unreadable", "foreign", "abuse"];
const STATES = ["open", "second", "skipped", "accepted", "rejected"];
const SUSPICIONS = ["empty", "duplicate", "scribble"];
const JUDGE = /^[A-Za-z0-9._-]{2,64}$/;

// ---------------------------------------------------------------- a drawing on paper

class Paper {
  constructor(canvas) {
    this.canvas = canvas;
    this.resized = new ResizeObserver(() => this.paint(Infinity));
    this.resized.observe(canvas);
  }

  // The moments at which each point was drawn, long pauses shortened.
  show(item, replay) {
    cancelAnimationFrame(this.frame);
    this.item = item;
    let [before, now] = [0, 0];
    this.moments = item.ink.map((stroke) =>
      stroke.map(([, , time = 0]) => {
        now += Math.min(PAUSE, time - before);
        before = time;
        return now;
      }),
    );
    if (replay && now) this.replay(now);
    else this.paint(Infinity);
  }

  replay(end) {
    const start = performance.now();
    const step = () => {
      const passed = performance.now() - start;
      this.paint(passed);
      if (passed < end) this.frame = requestAnimationFrame(step);
    };
    step();
  }

  // Strokes that the pen has not come to yet are pale.
  paint(until) {
    const { canvas, item } = this;
    if (!item || !canvas.clientWidth) return;
    const side = canvas.clientWidth;
    const sharp = window.devicePixelRatio || 1;
    canvas.width = canvas.height = Math.round(side * sharp);
    const { width, height } = item.canvas;
    const unit = side / Math.max(width, height);
    const pen = canvas.getContext("2d");
    pen.scale(sharp * unit, sharp * unit);
    pen.translate((Math.max(width, height) - width) / 2, (Math.max(width, height) - height) / 2);
    this.rule(pen, item.canvas, 1 / unit);
    pen.lineWidth = PAPER.width * Math.max(width, height);
    pen.lineCap = pen.lineJoin = "round";
    this.trace(pen, PAPER.ghost, Infinity);
    this.trace(pen, PAPER.ink, until);
  }

  rule(pen, canvas, thin) {
    for (const name of ["cap", "x_height", "baseline"]) {
      pen.strokeStyle = name === "baseline" ? PAPER.base : PAPER.guide;
      pen.setLineDash(name === "baseline" ? [] : [6 * thin, 8 * thin]);
      pen.lineWidth = thin;
      pen.beginPath();
      pen.moveTo(0, canvas[name]);
      pen.lineTo(canvas.width, canvas[name]);
      pen.stroke();
    }
    pen.setLineDash([]);
  }

  trace(pen, colour, until) {
    pen.strokeStyle = colour;
    this.item.ink.forEach((stroke, number) => {
      const drawn = stroke.filter((_, i) => this.moments[number][i] <= until);
      if (!drawn.length) return;
      pen.beginPath();
      pen.moveTo(drawn[0][0], drawn[0][1]);
      for (const [x, y] of drawn.length > 1 ? drawn.slice(1) : drawn) pen.lineTo(x, y);
      pen.stroke();
    });
  }
}

// ---------------------------------------------------------------- the parts of the page

function choose(name, keys, prefix) {
  const select = make("select", { name }, make("option", { value: "", "data-text": "review_any" }));
  for (const key of keys) select.append(make("option", { value: key, "data-text": prefix + key }));
  return select;
}

function field(key, input) {
  return make("label", { class: "ukr-field" }, words("span", key), input);
}

function dialogOf(title, id, ...children) {
  const close = words("button", "close", { type: "button", class: "ukr-quiet" });
  const head = make("header", {}, words("h2", title, { id }), close);
  const dialog = make("dialog", { class: "ukr-dialog", "aria-labelledby": id }, head, ...children);
  close.addEventListener("click", () => dialog.close());
  return dialog;
}

function buildFilters() {
  const symbols = make("select", { name: "symbol" }, make("option", { value: "", "data-text": "review_any" }));
  const state = choose("state", STATES, "state_");
  state.firstChild.remove();
  const form = make(
    "form",
    { class: "ukr-filters" },
    field("review_symbol", symbols),
    field("review_case", choose("case", ["capital", "small", "digit"], "")),
    field("review_state", state),
    field("review_suspicion", choose("suspicion", SUSPICIONS, "reason_")),
    field("review_device", choose("device", ["mouse", "touch", "pen"], "device_")),
    field("review_author", make("input", { name: "writer", spellcheck: "false", autocomplete: "off" })),
    field("review_since", make("input", { name: "since", type: "date" })),
    field("review_until", make("input", { name: "until", type: "date" })),
    make("button", { type: "reset", class: "ukr-quiet", "data-text": "review_reset" }),
  );
  return { form, symbols };
}

function card(key) {
  return make(
    "button",
    { type: "button", class: "ukr-card" },
    words("span", key, { class: "ukr-card-head" }),
    make("b"),
    make("small"),
  );
}

function buildParts() {
  return {
    judge: make("button", { type: "button", class: "ukr-quiet" }),
    language: words("button", "language", { type: "button", class: "ukr-quiet" }),
    lost: make("div", { class: "ukr-lost", role: "alert", hidden: "" }, words("span", "review_lost")),
    reload: button("reload", "ukr-button"),
    views: choiceOf("ukr-view", ["review_one", "review_many", "review_mine"], "review_one"),
    filters: words("button", "review_filters", { type: "button", class: "ukr-button", "aria-expanded": "false" }),
    ...buildFilters(),
    canvas: make("canvas", { class: "ukr-drawing", role: "img" }),
    badges: make("p", { class: "ukr-badges" }),
    writer: card("review_writer"),
    model: card("review_model"),
    others: make("div", { class: "ukr-others", role: "group" }),
    accept: button("review_accept", "ukr-button ukr-yes"),
    reject: button("review_reject", "ukr-button"),
    skip: button("review_skip", "ukr-button"),
    relabel: button("review_relabel", "ukr-button"),
    undo: button("review_undo", "ukr-button"),
    replay: button("review_replay", "ukr-button"),
    facts: make("p", { class: "ukr-facts" }),
    done: make("div", { class: "ukr-done", hidden: "" }, words("h2", "review_done"), words("p", "review_done_more")),
    groups: make("div", { class: "ukr-groups", role: "group" }),
    hint: words("p", "review_grid_hint", { class: "ukr-facts" }),
    grid: make("div", { class: "ukr-grid" }),
    bulk: make("button", { type: "button", class: "ukr-button ukr-yes" }),
    history: make("ul", { class: "ukr-history" }),
    bar: make("div", { class: "ukr-progress", "aria-hidden": "true" }),
    counts: make("p", { class: "ukr-counts" }),
    status: make("p", { class: "ukr-status", role: "status" }),
    live: make("p", { class: "ukr-unseen", "aria-live": "polite" }),
    cases: choiceOf("ukr-case", ["smalls", "capitals"], "smalls"),
    letters: make("div", { class: "ukr-symbols" }),
    figures: make("div", { class: "ukr-symbols ukr-figures" }),
    reasons: make("div", { class: "ukr-reasons" }),
    name: make("input", { class: "ukr-name", autocomplete: "username", spellcheck: "false", maxlength: "64" }),
    enter: button("review_enter", "ukr-button ukr-yes"),
  };
}

function arrange(parts) {
  parts.lost.append(parts.reload);
  parts.alphabet = dialogOf("review_what", "ukr-what", parts.cases, parts.letters, parts.figures);
  parts.why = dialogOf("review_why", "ukr-why", parts.reasons);
  const who = make("form", { method: "dialog" }, parts.name, words("p", "review_who_more"), parts.enter);
  parts.who = dialogOf("review_who", "ukr-who", who);
  parts.name.setAttribute("aria-labelledby", "ukr-who");
  parts.enter.type = "submit";
  const place = make("div", { class: "ukr-place" }, parts.canvas, parts.done);
  const cards = make("div", { class: "ukr-cards" }, parts.writer, parts.model);
  const actions = make("div", { class: "ukr-actions" }, parts.accept, parts.reject, parts.skip);
  const more = make("div", { class: "ukr-actions" }, parts.relabel, parts.undo, parts.replay);
  const keys = words("p", "review_keys", { class: "ukr-keys" });
  const right = make("div", { class: "ukr-side" }, parts.badges, cards, parts.others, actions, more, parts.facts, keys);
  parts.one = make("section", { class: "ukr-one" }, place, right);
  parts.many = make("section", { class: "ukr-many", hidden: "" }, parts.groups, parts.hint, parts.grid, parts.bulk);
  parts.mine = make("section", { class: "ukr-mine", hidden: "" }, parts.history);
  const head = make("header", { class: "ukr-head" }, words("h1", "review_title"), parts.judge, parts.language);
  const tools = make("nav", { class: "ukr-bar-tools" }, parts.views, parts.filters);
  const foot = make("footer", { class: "ukr-foot" }, parts.bar, parts.counts, parts.status);
  const page = make("main", { class: "ukr-page ukr-review" }, head, tools, parts.form, parts.one, parts.many);
  page.append(parts.mine, foot, parts.live, parts.lost, parts.alphabet, parts.why, parts.who);
  return page;
}

// ---------------------------------------------------------------- the page at work

class Review extends Page {
  constructor(model, element) {
    super(model);
    this.parts = buildParts();
    this.root = arrange(this.parts);
    this.paper = new Paper(this.parts.canvas);
    this.calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.items = []; // drawings that lie ready, the current one first
    this.chosen = "writer"; // the card that Enter accepts
    this.view = "one";
    this.number = 0; // verdicts sent by this page
    this.unheard = new Map(); // number -> ids that the kernel has not confirmed
    this.group = null; // of the grid: {kind, name, items, out}
    this.root.dataset.unheard = 0;
    element.append(this.root);
  }

  async start() {
    while (!this.root.isConnected) await new Promise(requestAnimationFrame); // dialogs open only in a document
    this.fillSymbols();
    this.connectParts();
    this.speak();
    this.watchKernel();
    const fixed = this.model.get("judge");
    const name = fixed || recall("judge", "");
    this.parts.judge.disabled = Boolean(fixed);
    if (JUDGE.test(name)) this.enter(name);
    else this.askName();
    this.root.dataset.ready = "yes";
    performance.mark("ukr-ready");
    document.getElementById("ukr-waiting")?.remove();
  }

  // -------------------------------------------------------------- who judges

  askName() {
    this.parts.who.querySelector("header button").hidden = !this.judge; // nobody judges without a name
    this.parts.name.value = this.judge ?? recall("judge", "");
    this.parts.who.showModal();
    this.parts.name.focus();
  }

  enter(name) {
    this.judge = name;
    if (!this.model.get("judge")) remember("judge", name);
    this.items = [];
    this.speakName();
    this.tell({ kind: "hello", judge: name });
    this.askPage();
  }

  speakName() {
    this.parts.judge.textContent = this.judge ?? "";
    this.parts.judge.setAttribute("aria-label", this.text("review_judge", { name: this.judge ?? "" }));
  }

  // -------------------------------------------------------------- words

  speak() {
    const { root, parts } = this;
    document.title = this.text("review_title");
    this.spell(root);
    parts.others.setAttribute("aria-label", this.text("alternatives"));
    parts.groups.setAttribute("aria-label", this.text("review_groups"));
    this.speakName();
    this.fillReasons();
    this.fillAlphabet();
    this.showItem(false);
    this.showGroups();
    this.showGrid();
    this.showHistory();
    this.showNews();
  }

  // -------------------------------------------------------------- one drawing

  showItem(replay = !this.calm) {
    const [item] = this.items;
    const { parts, root } = this;
    root.dataset.id = item?.id ?? "";
    for (const part of [parts.accept, parts.reject, parts.skip, parts.relabel, parts.replay]) part.disabled = !item;
    parts.done.hidden = Boolean(item) || !this.asked;
    parts.canvas.style.visibility = item ? "visible" : "hidden";
    this.showBadges(item);
    this.showCards(item);
    this.showOthers(item);
    parts.facts.textContent = item ? this.describe(item) : "";
    if (!item) return;
    parts.canvas.setAttribute("aria-label", this.text("review_drawing"));
    this.paper.show(item, replay);
  }

  describe({ device, created, ink, writer }) {
    const when = new Date(created).toLocaleString(this.language, { dateStyle: "medium", timeStyle: "short" });
    const values = { device: this.text("device_" + device), when, strokes: ink.length, writer: writer.slice(0, 8) };
    return this.text("review_facts", values);
  }

  showBadges(item) {
    const badges = [];
    if (item?.state === "second") badges.push(["second", this.text("review_second")]);
    if (item?.suspicion) badges.push(["doubt", this.text("review_seems", { why: this.text("reason_" + item.suspicion) })]);
    if (item?.settled) badges.push(["settled", this.text("review_settled", { char: item.settled })]);
    else if (item?.state === "rejected") badges.push(["settled", this.text("state_rejected")]);
    this.parts.badges.replaceChildren(...badges.map(([name, said]) => make("span", { "data-badge": name }, said)));
  }

  showCards(item) {
    const { named: [guess = "", rival] = [], probability = 0 } = item ?? {};
    this.chosen = item?.said ? "writer" : "model";
    const percent = this.text("sure", { percent: Math.min(99, Math.round(100 * probability)) });
    const either = rival && this.text("either", { one: guess, other: rival });
    const unsaid = item ? this.text("review_unsaid") : "";
    this.fillCard("writer", item?.said ?? "", item?.said ? this.kind(item.said) : unsaid);
    this.fillCard("model", guess, guess && `${either || this.kind(guess)}, ${percent}`);
    this.showChosen();
    if (item) this.parts.live.textContent = this.aloud(item);
  }

  aloud({ said, named }) {
    const writer = said ? this.names([said]) : this.text("review_unsaid");
    return `${this.text("review_writer")}: ${writer}. ${this.text("review_model")}: ${this.names(named)}.`;
  }

  fillCard(name, char, note) {
    const place = this.parts[name];
    place.disabled = !char;
    place.dataset.char = char;
    place.children[1].textContent = char || "–";
    place.children[2].textContent = note;
  }

  showChosen() {
    const agreed = this.parts.writer.dataset.char === this.parts.model.dataset.char;
    this.root.dataset.agreed = agreed ? "yes" : "no";
    for (const name of ["writer", "model"]) this.parts[name].dataset.chosen = name === this.chosen ? "yes" : "no";
    const char = this.parts[this.chosen].dataset.char;
    this.parts.accept.firstChild.textContent = char ? `${this.text("review_accept")}: ${char}` : this.text("review_accept");
  }

  showOthers(item) {
    const shown = [this.parts.writer.dataset.char, this.parts.model.dataset.char];
    const [one] = shown.filter(Boolean);
    const flipped = one && /\D/.test(one) ? [one === one.toLowerCase() ? one.toUpperCase() : one.toLowerCase()] : [];
    const chars = [...(item?.named ?? []), ...flipped, ...(item?.top ?? []).map(([char]) => char)];
    const others = [...new Set(chars)].filter((char) => !shown.includes(char)).slice(0, 5);
    this.parts.others.replaceChildren(...others.map((char) => this.symbol(char, () => this.accept(char))));
  }

  symbol(char, action) {
    const place = make("button", { type: "button", class: "ukr-symbol" }, char, make("small", {}, this.kind(char, "_short")));
    place.setAttribute("aria-label", this.text("choose", { char, kind: this.kind(char) }));
    place.addEventListener("click", action);
    return place;
  }

  // -------------------------------------------------------------- verdicts

  accept(char = this.parts[this.chosen].dataset.char) {
    if (char) this.decide({ decision: "accept", char });
  }

  decide(verdict) {
    const item = this.items.shift();
    this.closeDialog();
    if (!item) return;
    this.judged({ kind: "judge", id: item.id, ...verdict }, [item.id]);
    this.showItem();
    if (this.items.length < ENOUGH && !this.exhausted) this.askPage();
  }

  // The browser tells of a closed dialog later, and until then the next key would go to its button.
  closeDialog() {
    const open = this.root.querySelector("dialog[open]");
    open?.close();
    if (open) document.activeElement?.blur?.();
  }

  judged(message, ids) {
    performance.mark(`ukr-key-${++this.number}`);
    this.unheard.set(this.number, ids);
    this.root.dataset.unheard = this.unheard.size;
    this.tell({ ...message, number: this.number });
  }

  heard({ number, refused }) {
    performance.measure("ukr-verdict", `ukr-key-${number}`);
    this.unheard.delete(number);
    this.root.dataset.unheard = this.unheard.size;
    this.refused = refused;
    this.showNews();
  }

  undo(id = null) {
    this.tell({ kind: "undo", id });
  }

  undone({ items }) {
    const ids = items.map((item) => item.id);
    this.items = [...items, ...this.items.filter((item) => !ids.includes(item.id))];
    if (this.view === "mine") this.tell({ kind: "history" });
    else if (this.view === "many") this.askGroups();
    else this.showItem();
  }

  // -------------------------------------------------------------- the drawings that lie ready

  filtersNow() {
    return Object.fromEntries([...new FormData(this.parts.form)].map(([name, value]) => [name, value.trim()]));
  }

  askPage() {
    if (this.judge) this.tell({ kind: "page", filters: this.filtersNow(), held: this.items.map((item) => item.id) });
  }

  paged({ items, filters }) {
    if (JSON.stringify(filters) !== JSON.stringify(this.filtersNow())) return; // an answer to an older question
    const empty = !this.items.length;
    const held = new Set([...this.items.map((item) => item.id), ...[...this.unheard.values()].flat()]);
    this.items.push(...items.filter((item) => !held.has(item.id)));
    this.exhausted = !items.length;
    this.asked = true;
    this.root.dataset.held = this.items.length;
    if (empty) this.showItem();
  }

  refilter() {
    this.items = [];
    this.asked = this.exhausted = false;
    this.parts.filters.dataset.on = Object.values(this.filtersNow()).filter(Boolean).length > 1 ? "yes" : "no";
    this.showItem();
    this.askPage();
  }

  // -------------------------------------------------------------- alike ones

  askGroups() {
    this.tell({ kind: "groups" });
  }

  showGroups() {
    const { agreed = [], suspicion = [] } = this.groups ?? {};
    const chip = (kind, name, count, said) => {
      const place = make("button", { type: "button", class: "ukr-chip" }, said, make("small", {}, String(count)));
      place.setAttribute("aria-pressed", String(this.group?.kind === kind && this.group.name === name));
      place.addEventListener("click", () => this.openGroup(kind, name));
      return place;
    };
    this.parts.groups.replaceChildren(
      ...suspicion.map(([name, count]) => chip("suspicion", name, count, this.text("reason_" + name))),
      ...agreed.map(([name, count]) => chip("agreed", name, count, name)),
    );
    this.parts.hint.hidden = !agreed.length && !suspicion.length;
  }

  openGroup(kind, name) {
    this.group = { kind, name, items: [], out: new Set() };
    this.tell({ kind: "group", of: kind, name });
    this.showGroups();
    this.showGrid();
  }

  gotGroups({ groups }) {
    this.groups = groups;
    const [first] = [...groups.agreed.map((pair) => ["agreed", ...pair]), ...groups.suspicion.map((pair) => ["suspicion", ...pair])];
    if (first) this.openGroup(first[0], first[1]);
    else this.group = null;
    this.showGroups();
    this.showGrid();
  }

  showGrid() {
    const { items = [], out } = this.group ?? {};
    this.parts.grid.replaceChildren(...items.map((item) => this.cell(item, out)));
    this.parts.bulk.hidden = !items.length;
    if (items.length) this.labelBulk();
    this.root.dataset.grid = items.length;
  }

  cell(item, out) {
    const canvas = make("canvas", { "aria-hidden": "true" });
    const place = make("button", { type: "button", class: "ukr-cell", "data-id": item.id }, canvas);
    const mark = () => {
      place.setAttribute("aria-pressed", String(!out.has(item.id)));
      place.setAttribute("aria-label", this.text(out.has(item.id) ? "review_left_out" : "review_included"));
    };
    place.addEventListener("click", () => {
      if (!out.delete(item.id)) out.add(item.id);
      mark();
      this.labelBulk();
    });
    mark();
    new Paper(canvas).show(item, false);
    return place;
  }

  labelBulk() {
    const { kind, name, items, out } = this.group;
    const count = items.length - out.size;
    this.parts.bulk.disabled = !count;
    this.parts.bulk.textContent =
      kind === "agreed"
        ? this.text("review_bulk_accept", { count, char: name, kind: this.kind(name) })
        : this.text("review_bulk_reject", { count, why: this.text("reason_" + name) });
  }

  decideAll() {
    if (!this.group?.items.length) return;
    const { kind, name, items, out } = this.group;
    const ids = items.map((item) => item.id).filter((id) => !out.has(id));
    if (!ids.length) return;
    const verdict = kind === "agreed" ? { decision: "accept", char: name } : { decision: "reject", reason: name };
    this.items = this.items.filter((item) => !ids.includes(item.id));
    this.group = null;
    this.showGrid();
    this.judged({ kind: "bulk", ids, ...verdict }, ids);
    this.askGroups();
  }

  // -------------------------------------------------------------- what this judge has said

  showHistory() {
    const rows = (this.past ?? []).map((item) => {
      const { decision, char, reason, at } = item.verdict;
      const canvas = make("canvas", { "aria-hidden": "true" });
      const what = char ? `${char}, ${this.kind(char)}` : reason ? this.text("reason_" + reason) : "";
      const when = new Date(at).toLocaleString(this.language, { dateStyle: "medium", timeStyle: "medium" });
      const back = button("review_undo", "ukr-button");
      back.firstChild.textContent = this.text("review_undo");
      back.addEventListener("click", () => this.undo(item.id));
      const said = make("div", {}, make("b", {}, this.text("decision_" + decision)), ` ${what}`, make("small", {}, when));
      new Paper(canvas).show(item, false);
      return make("li", { "data-id": item.id }, canvas, said, back);
    });
    this.parts.history.replaceChildren(...rows);
    if (this.past && !rows.length) this.parts.history.append(make("li", {}, this.text("review_nothing_yet")));
  }

  // -------------------------------------------------------------- how far the work has come

  showNews() {
    const news = this.model.get("news");
    const { parts } = this;
    if (!news.counts) return;
    const { waiting, second, accepted, rejected, unread, unsent } = news.counts;
    const total = Math.max(1, waiting + second + accepted + rejected);
    const shares = { accepted, rejected, second };
    parts.bar.replaceChildren(
      ...Object.entries(shares).map(([name, count]) => {
        const part = make("i", { "data-state": name });
        part.style.width = `${(100 * count) / total}%`;
        return part;
      }),
    );
    parts.counts.textContent = this.text("review_counts", news.counts);
    const said = [];
    if (this.refused) said.push(this.text("review_refused", { reason: this.refused }));
    if (unsent && news.trouble) said.push(this.text("review_unsent", { count: unsent, reason: news.trouble }));
    else if (news.trouble) said.push(this.text("review_trouble", { reason: news.trouble }));
    if (unread) said.push(this.text("review_unread", { count: unread }));
    parts.status.textContent = said.join(" ");
    parts.status.dataset.status = news.trouble || this.refused ? "waiting" : "";
    this.root.dataset.unsent = unsent;
    if (this.asked && !this.items.length && (this.before ?? 0) !== waiting + second) this.askPage();
    this.before = waiting + second;
  }

  // -------------------------------------------------------------- symbols and reasons

  fillSymbols() {
    const { letters, digits } = this.model.get("alphabet");
    for (const char of letters + digits) this.parts.symbols.append(make("option", { value: char }, char));
    this.known = new Set([...letters, ...letters.toUpperCase(), ...digits]);
  }

  fillAlphabet() {
    const { letters, digits } = this.model.get("alphabet");
    const capitals = this.parts.cases.querySelector("[value=capitals]").checked;
    const symbols = (chars) => [...chars].map((char) => this.symbol(char, () => this.accept(char)));
    this.parts.letters.replaceChildren(...symbols(capitals ? letters.toUpperCase() : letters));
    this.parts.figures.replaceChildren(...symbols(digits));
  }

  openAlphabet() {
    const char = this.parts[this.chosen].dataset.char;
    this.parts.cases.querySelector(char !== char.toLowerCase() ? "[value=capitals]" : "[value=smalls]").checked = true;
    this.fillAlphabet();
    this.parts.alphabet.showModal();
  }

  fillReasons() {
    const rows = REASONS.map((reason, i) => {
      const row = make("button", { type: "button", class: "ukr-button" }, make("kbd", {}, String(i + 1)), this.text("reason_" + reason));
      row.addEventListener("click", () => this.decide({ decision: "reject", reason }));
      return row;
    });
    this.parts.reasons.replaceChildren(...rows);
  }

  // -------------------------------------------------------------- keys

  press(event) {
    const { alphabet, why, who } = this.parts;
    const command = (event.ctrlKey || event.metaKey) && !event.getModifierState("AltGraph");
    const back = (command && letterOf(event) === "z") || event.key === "Backspace";
    const writing = event.target.closest?.("input:not([type=radio]), select");
    if (who.open || writing || (command && !back)) return;
    let done = true;
    if (why.open && /^[1-6]$/.test(event.key)) this.decide({ decision: "reject", reason: REASONS[event.key - 1] });
    else if (why.open) done = false;
    else if (back && !alphabet.open) this.undo();
    else if (this.view === "one") done = this.pressOne(event, alphabet.open);
    else if (this.view === "many") done = this.pressMany(event);
    else done = false;
    if (done) event.preventDefault();
  }

  pressOne(event, choosing) {
    const pressed = event.target.closest?.("button, label") && ["Enter", " "].includes(event.key);
    if (!this.items.length || pressed) return false;
    if (this.known.has(event.key)) this.accept(event.key);
    else if (choosing) return false;
    else if (event.key === "Enter") this.accept();
    else if (event.key === " ") this.decide({ decision: "skip" });
    else if (event.key === "Delete" || event.key === "-") this.parts.why.showModal();
    else if (event.key === "ArrowUp") this.paper.show(this.items[0], true);
    else if (event.key === "ArrowLeft" || event.key === "ArrowRight") this.turn(event.key === "ArrowLeft" ? "writer" : "model");
    else if (/^[a-z]$/i.test(event.key)) this.parts.live.textContent = this.parts.status.textContent = this.text("review_layout");
    else return false;
    return true;
  }

  turn(card) {
    if (!this.parts[card].disabled) this.chosen = card;
    this.showChosen();
  }

  pressMany(event) {
    if (event.key === "Enter" && !event.target.closest?.("button:not(.ukr-cell), label")) this.decideAll();
    else if (!event.key.startsWith("Arrow")) return false;
    else return this.walk(event.key);
    return true;
  }

  // The arrows walk over the grid; columns are counted as they stand on the screen.
  walk(key) {
    const cells = [...this.parts.grid.children];
    if (!cells.length) return false;
    const columns = cells.filter((cell) => cell.offsetTop === cells[0].offsetTop).length;
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[key];
    const here = cells.indexOf(document.activeElement);
    cells[here < 0 ? 0 : Math.min(cells.length - 1, Math.max(0, here + step))].focus();
    return true;
  }

  // -------------------------------------------------------------- what is connected with what

  show(view) {
    this.view = view;
    for (const name of ["one", "many", "mine"]) this.parts[name].hidden = name !== view;
    this.parts.filters.hidden = view !== "one";
    this.parts.form.hidden = view !== "one" || this.parts.filters.getAttribute("aria-expanded") !== "true";
    if (view === "one") this.showItem();
    if (view === "many") this.askGroups();
    if (view === "mine") this.tell({ kind: "history" });
  }

  connectParts() {
    const { parts } = this;
    const on = (part, event, action) => part.addEventListener(event, action);
    // Keys belong to the drawing again after a dialog or a click, but not after a button was reached by Tab.
    on(this.root, "click", (event) => {
      const stays = event.target.closest(".ukr-cell, input, select") || this.root.querySelector("dialog[open]");
      if (event.detail && !stays) document.activeElement?.blur?.();
    });
    for (const dialog of [parts.alphabet, parts.why, parts.who]) on(dialog, "close", () => document.activeElement?.blur?.());
    on(parts.language, "click", () => this.switchLanguage());
    on(parts.judge, "click", () => this.askName());
    on(parts.reload, "click", () => location.reload());
    on(parts.writer, "click", () => this.accept(parts.writer.dataset.char));
    on(parts.model, "click", () => this.accept(parts.model.dataset.char));
    on(parts.accept, "click", () => this.accept());
    on(parts.skip, "click", () => this.decide({ decision: "skip" }));
    on(parts.reject, "click", () => parts.why.showModal());
    on(parts.relabel, "click", () => this.openAlphabet());
    on(parts.undo, "click", () => this.undo());
    on(parts.replay, "click", () => this.paper.show(this.items[0], true));
    on(parts.canvas, "click", () => this.items.length && this.paper.show(this.items[0], true));
    on(parts.bulk, "click", () => this.decideAll());
    on(parts.cases, "change", () => this.fillAlphabet());
    on(parts.views, "change", (event) => this.show(event.target.value.replace("review_", "")));
    this.connectForms(on);
    this.keys = (event) => this.press(event);
    this.stay = (event) => this.unheard.size && event.preventDefault(); // a verdict is still on its way
    document.addEventListener("keydown", this.keys);
    window.addEventListener("beforeunload", this.stay);
  }

  connectForms(on) {
    const { parts } = this;
    on(parts.filters, "click", () => {
      const open = parts.filters.getAttribute("aria-expanded") !== "true";
      parts.filters.setAttribute("aria-expanded", String(open));
      parts.form.hidden = !open;
    });
    parts.form.hidden = true;
    on(parts.form, "submit", (event) => event.preventDefault());
    on(parts.form, "change", () => this.refilter());
    on(parts.form, "reset", () => setTimeout(() => this.refilter()));
    on(parts.who.querySelector("form"), "submit", (event) => {
      const name = parts.name.value.trim();
      if (JUDGE.test(name)) return this.enter(name);
      event.preventDefault();
      parts.name.setAttribute("aria-invalid", "true");
    });
    on(parts.who, "cancel", (event) => this.judge || event.preventDefault());
  }

  // -------------------------------------------------------------- is anybody there?

  tell(message) {
    this.model.send(message);
    this.doubt ??= setTimeout(() => this.lose(true), SILENCE);
  }

  lose(lost) {
    this.parts.lost.hidden = !lost;
    this.root.dataset.lost = lost ? "yes" : "no";
  }

  watchKernel() {
    const told = { page: "paged", judged: "heard", undone: "undone", groups: "gotGroups" };
    this.received = (message) => {
      clearTimeout(this.doubt);
      this.doubt = null;
      this.lose(false);
      if (message.kind in told) this[told[message.kind]](message);
      else if (message.kind === "group") this.gotGroup(message);
      else if (message.kind === "history") this.gotHistory(message);
    };
    this.newsCame = () => this.showNews();
    this.model.on("msg:custom", this.received);
    this.model.on("change:news", this.newsCame);
    this.listening = setInterval(() => document.hidden || this.tell({ kind: "ping" }), LISTEN);
  }

  gotGroup({ of, name, items }) {
    if (this.group?.kind !== of || this.group.name !== name) return;
    this.group.items = items;
    this.showGrid();
  }

  gotHistory({ items }) {
    this.past = items;
    this.showHistory();
  }

  stop() {
    clearInterval(this.listening);
    clearTimeout(this.doubt);
    document.removeEventListener("keydown", this.keys);
    window.removeEventListener("beforeunload", this.stay);
    this.model.off("msg:custom", this.received);
    this.model.off("change:news", this.newsCame);
  }
}

function render({ model, el }) {
  const review = new Review(model, el);
  review.start();
  return () => review.stop();
}

export default { render };
