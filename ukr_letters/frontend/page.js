// The drawing page in the browser. The kernel says what the drawing is; this file finds the words,
// the places and the keys. Every word comes from the kernel's tables of texts.

const SILENCE = 5000; // ms without any sign of life after a message: the kernel is gone
const BREAK = 2000; // ms that a broken wire may take to mend
const ASLEEP = 600000; // ms without a visitor's action: stop asking the kernel for signs of life
const LISTEN = 15000; // ms between such questions
const TROUBLES = ["waiting", "held", "refused", "limited", "withdrawn"]; // what may become of a drawing instead of "saved"

// ---------------------------------------------------------------- what the browser remembers

const CODE = /^[0-9a-f]{32}$/;

let unkept = ""; // the code of a browser whose storage is switched off

function writerId() {
  const known = recall("writer", unkept);
  if (CODE.test(known)) return known;
  return freshWriterId();
}

function freshWriterId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const fresh = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  unkept = fresh;
  remember("writer", fresh);
  return fresh;
}

// ---------------------------------------------------------------- building blocks

const ICONS = {
  undo: "M9 7 4 12l5 5M4 12h10a6 6 0 0 1 0 12h-2",
  redo: "M19 7l5 5-5 5M24 12H14a6 6 0 0 0 0 12h2",
  clear: "M7 7l14 14M21 7 7 21",
  check: "M5 15l6 6L23 8",
};

function vector(size, lines, attributes) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", `0 0 ${size} ${size}`);
  for (const [name, value] of Object.entries(attributes)) svg.setAttribute(name, value);
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", lines);
  svg.append(path);
  return svg;
}

const icon = (name) => vector(28, ICONS[name], { "aria-hidden": "true" });

// A drawing as the kernel sends it: its lines in a square of 100 units.
const drawing = (lines, label) => vector(100, lines, { role: "img", "aria-label": label });

// A window over the page with a title and a way out.
function dialogOf(key, ...content) {
  const title = words("h2", key, { id: `ukr-${key}` });
  const close = words("button", "close", { type: "button", class: "ukr-quiet" });
  const header = make("header", {}, title, close);
  const dialog = make("dialog", { class: "ukr-dialog", "aria-labelledby": title.id }, header, ...content);
  close.addEventListener("click", () => dialog.close());
  return dialog;
}

// ---------------------------------------------------------------- the parts of the page

function buildParts() {
  const parts = {
    heading: make("h1"),
    practice: make("button", { type: "button", class: "ukr-quiet ukr-practice" }),
    language: button("language", "ukr-quiet ukr-language"),
    lost: make("div", { class: "ukr-lost", role: "alert", hidden: "" }, words("span", "lost")),
    reload: button("reload", "ukr-button"),
    place: make("div", { class: "ukr-place" }),
    hint: make("p", { class: "ukr-hint", "aria-hidden": "true" }),
    undo: button("undo", "ukr-tool", icon("undo")),
    redo: button("redo", "ukr-tool", icon("redo")),
    clear: button("clear", "ukr-tool", icon("clear")),
    char: make("div", { class: "ukr-char", "aria-hidden": "true", translate: "no" }),
    headline: make("p", { class: "ukr-headline" }),
    detail: make("p", { class: "ukr-detail" }),
    bar: make("div", { class: "ukr-bar", "aria-hidden": "true" }, make("i")),
    yes: button("yes", "ukr-button ukr-yes", icon("check")),
    both: make("div", { class: "ukr-both", role: "group", translate: "no" }, ...[0, 1].map(() => make("button", { type: "button" }))),
    done: button("task_done", "ukr-button ukr-yes", icon("check")),
    kept: make("p", { class: "ukr-kept", "aria-hidden": "true" }),
    live: make("p", { class: "ukr-unseen", "aria-live": "polite" }),
    ask: make("p", { class: "ukr-ask" }),
    alternatives: make("div", { class: "ukr-alternatives", role: "group", translate: "no" }),
    tally: make("p", { class: "ukr-tally" }),
    open: button("alphabet", "ukr-button ukr-open"),
    skip: button("task_skip", "ukr-button ukr-open"),
    modes: choiceOf("ukr-mode", ["auto", "letters", "digits"], "auto"),
    seen: make("canvas", { width: 32, height: 32, role: "img" }),
    collect: make("input", { type: "checkbox", role: "switch", id: "ukr-collect" }),
    status: make("p", { class: "ukr-status", role: "status" }),
    cases: choiceOf("ukr-case", ["smalls", "capitals"], "smalls"),
    letters: make("div", { class: "ukr-symbols", translate: "no" }),
    figures: make("div", { class: "ukr-symbols ukr-figures", translate: "no" }),
    gallery: button("gallery", "ukr-button"),
    wanted: button("wanted", "ukr-button"),
    mine: button("mine", "ukr-button"),
  };
  parts.dialog = dialogOf("alphabet_title", parts.cases, parts.letters, parts.figures);
  parts.language.append(words("abbr", "language_short", { "aria-hidden": "true" }));
  for (let i = 0; i < 5; i++) parts.alternatives.append(make("button", { type: "button", class: "ukr-symbol" }));
  return parts;
}

function arrange(parts) {
  const { lost, reload, place, hint } = parts;
  lost.append(reload);
  place.append(hint);
  const tools = make("div", { class: "ukr-tools" }, parts.undo, parts.redo, parts.clear);
  const said = make("div", { class: "ukr-said" }, parts.headline, parts.detail, parts.bar, parts.yes, parts.both, parts.done, parts.kept);
  const answer = make("div", { class: "ukr-answer" }, parts.char, said);
  const other = make("div", { class: "ukr-other" }, parts.ask, parts.alternatives, parts.tally, parts.open, parts.skip);
  const mode = make("fieldset", { class: "ukr-mode" }, words("legend", "mode"), parts.modes);
  const seen = make(
    "div",
    { class: "ukr-seen" },
    parts.seen,
    make("div", {}, words("h2", "seen"), words("p", "seen_more")),
  );
  const notice = make(
    "section",
    { class: "ukr-notice" },
    make("label", { for: "ukr-collect" }, parts.collect, words("span", "collect")),
    words("p", "notice"),
    parts.status,
    make("div", { class: "ukr-more" }, parts.gallery, parts.wanted, parts.mine),
  );
  return make(
    "main",
    { class: "ukr-page" },
    make("header", { class: "ukr-head" }, parts.heading, parts.practice, parts.language),
    make("section", { class: "ukr-left" }, place, tools),
    make("section", { class: "ukr-right" }, answer, other, mode, seen, words("p", "keys", { class: "ukr-keys" })),
    notice,
    parts.live,
    lost,
  );
}

// ---------------------------------------------------------------- the accepted drawings

class Gallery {
  constructor(page) {
    this.page = page;
    this.char = ""; // the symbol whose pictures are shown
    this.number = 0; // of the page of pictures
    this.sum = make("p", { class: "ukr-sum", role: "status" });
    this.kinds = choiceOf("ukr-gallery-kind", ["smalls", "capitals", "digits"], "smalls");
    this.symbols = make("div", { class: "ukr-symbols", translate: "no" });
    this.title = make("h3", { "aria-live": "polite" });
    this.draw = button("draw_it", "ukr-button ukr-yes");
    this.pictures = make("ul", { class: "ukr-pictures" });
    this.newer = button("newer", "ukr-button");
    this.older = button("older", "ukr-button");
    const head = make("div", { class: "ukr-shown" }, this.title, this.draw);
    const turn = make("div", { class: "ukr-turn" }, this.newer, this.older);
    this.dialog = dialogOf("gallery", this.sum, this.kinds, this.symbols, head, this.pictures, turn);
    this.dialog.classList.add("ukr-wide");
    this.kinds.addEventListener("change", () => this.showKind());
    this.symbols.addEventListener("click", (event) => this.choose(event.target.closest("button")?.dataset.char));
    this.draw.addEventListener("click", () => page.practise(this.char));
    this.newer.addEventListener("click", () => this.turn(this.number - 1));
    this.older.addEventListener("click", () => this.turn(this.number + 1));
  }

  open() {
    this.page.tell({ kind: "count" });
    this.page.showWindow(this.dialog);
    this.showKind();
  }

  // The symbols of the chosen kind; the first one that has drawings is looked at.
  showKind() {
    const { letters, digits } = this.page.model.get("alphabet");
    const { value } = this.kinds.querySelector(":checked");
    const chars = { smalls: letters, capitals: letters.toUpperCase(), digits }[value];
    const symbols = [...chars].map((char) =>
      make("button", { type: "button", class: "ukr-symbol", "data-char": char }, char, make("small")),
    );
    this.symbols.replaceChildren(...symbols);
    this.choose([...chars].find((char) => this.page.accepted(char)) ?? chars[0]);
  }

  choose(char) {
    if (!char) return;
    this.char = char;
    this.pictures.replaceChildren();
    this.newer.hidden = this.older.hidden = true;
    this.turn(0);
    this.show();
  }

  turn(number) {
    this.number = number;
    this.page.tell({ kind: "pictures", char: this.char, page: number });
  }

  // Counts and words; called when one of them changes.
  show() {
    if (!this.dialog.open) return;
    const { page, char } = this;
    for (const place of this.symbols.children) {
      const number = page.accepted(place.dataset.char);
      place.lastChild.textContent = number;
      place.setAttribute("aria-pressed", String(place.dataset.char === char));
      place.setAttribute("aria-label", this.describe(place.dataset.char));
    }
    const numbers = Object.values(page.model.get("counts")).map(([accepted]) => accepted);
    const number = numbers.reduce((sum, each) => sum + each, 0);
    const all = 2 * page.model.get("alphabet").letters.length + page.model.get("alphabet").digits.length;
    const kinds = numbers.filter(Boolean).length;
    this.sum.textContent = page.counting() || page.text("gallery_sum", { number, kinds, all });
    if (char) this.title.textContent = page.accepted(char) ? this.describe(char) : page.text("gallery_none");
  }

  describe(char) {
    return this.page.text("gallery_symbol", { char, kind: this.page.kind(char), number: this.page.accepted(char) });
  }

  receive({ char, page, paths, more }) {
    if (char !== this.char || page !== this.number) return; // the visitor is somewhere else already
    const label = `${char}, ${this.page.kind(char)}`;
    this.pictures.replaceChildren(...paths.map((path) => make("li", {}, drawing(path, label))));
    this.newer.hidden = !page;
    this.older.hidden = !more;
  }
}

// ---------------------------------------------------------------- the missing drawings

class Wanted {
  constructor(page) {
    this.page = page;
    this.status = make("p", { class: "ukr-sum", role: "status" });
    this.rows = make("tbody");
    const columns = ["symbol", "accepted", "pending"].map((key) => words("th", key, { scope: "col" }));
    const head = make("thead", {}, make("tr", {}, ...columns, make("td")));
    this.dialog = dialogOf("wanted", this.status, make("table", { class: "ukr-table" }, head, this.rows));
    this.dialog.classList.add("ukr-wide");
    this.rows.addEventListener("click", (event) => {
      const char = event.target.closest("tr")?.dataset.char;
      if (char) page.practise(char);
    });
  }

  open() {
    this.page.tell({ kind: "count" });
    this.page.showWindow(this.dialog);
    this.show();
    this.dialog.scrollTop = 0;
  }

  show() {
    if (!this.dialog.open) return;
    const { page } = this;
    const focused = this.rows.contains(document.activeElement) && document.activeElement.closest("tr").dataset.char;
    this.status.textContent = page.counting() || page.text("wanted_more");
    const { letters, digits } = page.model.get("alphabet");
    const have = page.model.get("counts");
    const rows = [...letters, ...letters.toUpperCase(), ...digits].map((char) => ({ char, have: have[char] ?? [0, 0] }));
    rows.sort((one, other) => one.have[0] + one.have[1] - other.have[0] - other.have[1]);
    this.rows.replaceChildren(...rows.map(({ char, have }) => this.row(char, ...have)));
    if (focused) this.rows.querySelector(`[data-char="${focused}"] button`).focus();
  }

  row(char, accepted, pending) {
    const { page } = this;
    const kind = page.kind(char);
    const draw = make("button", { type: "button", class: "ukr-button" }, page.text("draw_it"));
    draw.setAttribute("aria-label", page.text("draw_this", { char, kind }));
    const name = make("th", { scope: "row", translate: "no" }, char, make("small", {}, page.kind(char, "_short")));
    const numbers = [accepted, pending].map((number) => make("td", {}, String(number)));
    return make("tr", { "data-char": char }, name, ...numbers, make("td", {}, draw));
  }
}

// ---------------------------------------------------------------- one's own drawings

class Mine {
  constructor(page) {
    this.page = page;
    this.own = make("input", { id: "ukr-own", readonly: "", spellcheck: "false", autocomplete: "off" });
    this.copy = button("copy", "ukr-button");
    this.code = make("input", { id: "ukr-code", spellcheck: "false", autocomplete: "off", autocapitalize: "off" });
    this.delete = button("delete", "ukr-button ukr-danger");
    this.sure = words("p", "delete_sure", { id: "ukr-sure" });
    this.yes = button("delete_yes", "ukr-button ukr-danger");
    this.no = button("delete_no", "ukr-button");
    this.asked = make("div", { class: "ukr-asked", role: "group", "aria-labelledby": "ukr-sure", hidden: "" });
    this.asked.append(this.sure, this.yes, this.no);
    this.status = make("p", { class: "ukr-report", role: "status" });
    this.dialog = dialogOf(
      "mine",
      words("p", "mine_more"),
      words("label", "mine_code", { for: "ukr-own" }),
      make("div", { class: "ukr-field" }, this.own, this.copy),
      words("label", "delete_code", { for: "ukr-code" }),
      this.code,
      this.delete,
      this.asked,
      this.status,
    );
    this.copy.addEventListener("click", () => this.copyCode());
    this.delete.addEventListener("click", () => this.ask());
    this.yes.addEventListener("click", () => this.confirm());
    this.no.addEventListener("click", () => this.settle(""));
    this.code.addEventListener("input", () => this.settle(""));
  }

  open() {
    this.showCode();
    this.settle("");
    this.page.showWindow(this.dialog);
  }

  // Groups of four are easier to compare and to type; spaces and dashes in what is typed do not matter.
  showCode() {
    this.own.value = this.code.value = writerId().match(/.{4}/g).join("-");
  }

  typed() {
    return this.code.value.toLowerCase().replace(/[^0-9a-z]/g, "");
  }

  async copyCode() {
    this.own.select();
    try {
      await navigator.clipboard.writeText(this.own.value);
    } catch {
      document.execCommand("copy"); // the page came without encryption: browsers keep the clipboard from it
    }
    this.status.textContent = this.page.text("copied");
  }

  settle(said) {
    const focused = this.asked.contains(document.activeElement);
    this.asked.hidden = true;
    this.delete.hidden = false;
    this.status.textContent = said;
    if (focused) this.delete.focus();
  }

  ask() {
    if (!CODE.test(this.typed())) return this.settle(this.page.text("no_code"));
    this.settle("");
    this.asked.hidden = false;
    this.delete.hidden = true;
    this.no.focus();
  }

  confirm() {
    this.settle(this.page.text("deleting"));
    this.page.tell({ kind: "delete", writer: this.typed() });
  }

  receive({ writer, number }) {
    if (number === null) return this.settle(this.page.text("undeleted"));
    const own = writer === writerId();
    if (own) this.page.renew();
    this.showCode();
    this.settle(this.page.text("deleted", { number }) + (own ? ` ${this.page.text("renewed")}` : ""));
  }
}

// ---------------------------------------------------------------- the page at work

class Drawing extends Page {
  constructor(model, element) {
    super(model);
    this.parts = buildParts();
    this.root = arrange(this.parts);
    this.gallery = new Gallery(this);
    this.wanted = new Wanted(this);
    this.mine = new Mine(this);
    this.thanked = false; // the last drawing is finished and thanked for, nothing new is drawn yet
    this.lastAction = Date.now();
    this.parts.collect.checked = recall("collect", "yes") === "yes";
    element.append(this.root);
  }

  async start() {
    this.connectParts();
    this.speak();
    await this.showPad();
    this.watchKernel();
    this.hello();
    this.root.dataset.ready = "yes";
    performance.mark("ukr-ready");
    document.getElementById("ukr-waiting")?.remove();
  }

  async showPad() {
    const manager = this.model.widget_manager;
    const reference = String(this.model.get("pad")).replace("IPY_MODEL_", "");
    const view = await manager.create_view(await manager.get_model(reference));
    this.parts.place.prepend(view.el);
  }

  // A browser whose drawings were all deleted draws on under another code.
  renew() {
    freshWriterId();
    this.hello();
  }

  hello() {
    this.tell({ kind: "hello", writer: writerId(), collect: this.parts.collect.checked });
  }

  // -------------------------------------------------------------- words

  speak() {
    const { root } = this;
    document.title = this.text("title");
    this.spell(root);
    this.parts.seen.setAttribute("aria-label", this.text("seen"));
    this.parts.alternatives.setAttribute("aria-label", this.text("alternatives"));
    this.parts.both.setAttribute("aria-label", this.text("alphabet_title"));
    root.querySelector(".ukr-pad-layer")?.setAttribute("aria-label", this.text("pad"));
    this.showAnswer();
    this.showFinished();
  }

  // A window is a part of the page only while it is open.
  showWindow(dialog) {
    this.spell(dialog);
    this.root.append(dialog);
    dialog.addEventListener("close", () => dialog.remove(), { once: true });
    dialog.showModal();
  }

  // -------------------------------------------------------------- the answer

  showAnswer() {
    const answer = this.model.get("answer");
    const { parts, root } = this;
    const { char: task } = this.model.get("task");
    const empty = answer.state === "empty";
    root.dataset.state = !empty ? answer.state : task ? "task" : this.thanked ? "thanks" : "empty";
    root.dataset.practice = task ? "yes" : "no";
    root.dataset.strokes = answer.strokes;
    parts.hint.hidden = !empty;
    parts.undo.disabled = parts.clear.disabled = !answer.strokes;
    parts.redo.disabled = !answer.undone;
    parts.open.disabled = empty;
    const named = answer.state === "answer" ? answer.named : [];
    root.dataset.named = named.length;
    parts.yes.hidden = Boolean(task) || named.length !== 1;
    parts.both.hidden = Boolean(task) || named.length !== 2;
    parts.done.hidden = !task || empty;
    parts.alternatives.hidden = parts.open.hidden = Boolean(task);
    parts.tally.hidden = parts.skip.hidden = !task;
    parts.practice.textContent = this.text(task ? "practice_stop" : "practice");
    parts.heading.textContent = task ? this.request(task) : this.text("title");
    parts.hint.textContent = task ? this.request(task) : this.text("hint");
    parts.bar.firstChild.style.width = `${answer.percent}%`;
    this.showAlternatives(answer);
    this.showSeen(answer.seen);
    if (empty) this.showEmpty();
    else this.showGuess(answer);
    if (task) this.showTask(task, answer);
    this.settle();
  }

  // An answer names one symbol, or two that nobody can tell apart: then a tap says which.
  showGuess({ state, named, percent }) {
    const { parts } = this;
    const unsure = state !== "answer";
    const doubt = state === "refused" ? "several" : "unsure"; // strokes are refused for one reason only
    const [one, other] = named;
    parts.char.replaceChildren(unsure ? "?" : other ? make("span", {}, `${one} `, make("small", {}, this.text("or")), ` ${other}`) : one);
    parts.headline.textContent = unsure ? this.text(doubt) : this.kinds(named);
    parts.detail.textContent = unsure ? this.text(`${doubt}_more`) : this.text("sure", { percent });
    const sameLetter = other && one.toLowerCase() === other.toLowerCase();
    parts.ask.textContent = this.text(unsure ? "perhaps" : !other ? "alternatives" : sameLetter ? "rivals_case" : "rivals");
    this.showBoth(named);
    parts.live.textContent = `${unsure ? parts.headline.textContent : this.names(named)}. ${parts.detail.textContent}`;
  }

  showBoth(named) {
    [...this.parts.both.children].forEach((place, i) => {
      const char = named[i] ?? "";
      place.className = i ? "ukr-button" : "ukr-button ukr-yes";
      place.dataset.char = char;
      place.replaceChildren(...(char ? [char, make("small", {}, this.kind(char, "_short"))] : []));
      place.setAttribute("aria-label", char && this.text("choose", { char, kind: this.kind(char) }));
    });
  }

  // In words what is named, so short that it fits on a phone: "small or capital", "letter or digit".
  kinds([one, other]) {
    if (!other || this.kind(one) === this.kind(other)) return this.kind(one);
    const mixed = /\d/.test(one + other);
    const [first, second] = [one, other].map((char) => (mixed && /\D/.test(char) ? this.text("letter") : this.kind(char, "_short")));
    return this.text("either", { one: first, other: second });
  }

  showEmpty() {
    const { parts } = this;
    const { char } = this.model.get("finished");
    const thanks = this.thanked && char;
    parts.char.textContent = thanks ? char : "";
    parts.headline.textContent = thanks ? this.text("thanks") : "";
    parts.detail.textContent = thanks ? this.text("noted", { char, kind: this.kind(char) }) : "";
    parts.ask.textContent = "";
    parts.live.textContent = thanks ? `${parts.headline.textContent} ${parts.detail.textContent}` : "";
  }

  // In practice the label is what was asked for; what the model reads is only shown beside it.
  showTask(task, { state, named, right }) {
    const { parts } = this;
    const kind = this.kind(task, "_short");
    const drawn = this.model.get("task").drawn;
    parts.ask.textContent = state === "empty" && this.thanked ? this.outcome() : "";
    parts.tally.textContent = this.trouble() || this.text(drawn ? "tally" : "task_first", { number: drawn });
    if (state === "empty") {
      const [accepted, pending] = this.model.get("counts")[task] ?? [0, 0];
      parts.char.textContent = task;
      parts.headline.textContent = this.kind(task);
      parts.detail.textContent = this.counting() ? "" : this.text("task_have", { number: accepted + pending });
      parts.live.textContent = `${this.thanked ? `${parts.ask.textContent} ${parts.tally.textContent}. ` : ""}${this.request(task)}`;
    } else {
      parts.detail.textContent = right ? this.text("task_right") : this.text("task_other", { char: task, kind });
      parts.live.textContent = `${state === "answer" ? this.names(named) : parts.headline.textContent}. ${parts.detail.textContent}`;
    }
  }

  request(char) {
    return this.text(/\d/.test(char) ? "task_digit" : char === char.toLowerCase() ? "task_small" : "task_capital", { char });
  }

  // How the model read the drawing that was just finished in practice.
  outcome() {
    const { char, read, right } = this.model.get("finished");
    if (!char) return "";
    const [one, other] = read;
    if (right) return this.text("told_right", { char });
    if (!one) return this.text("told_nothing", { char });
    if (other) return this.text("told_either", { char, one, other });
    return this.text("told_other", { char, read: one, kind: this.kind(one, "_short") });
  }

  // Why the last drawing was not kept, if it was not.
  trouble() {
    if (!this.parts.collect.checked) return this.text("collect_off");
    const { status } = this.model.get("finished");
    return this.thanked && TROUBLES.includes(status) ? this.text(status) : "";
  }

  accepted(char) {
    return this.model.get("counts")[char]?.[0] ?? 0;
  }

  counting() {
    const state = this.model.get("counting");
    return state && this.text(state);
  }

  showAlternatives({ alternatives }) {
    [...this.parts.alternatives.children].forEach((place, i) => {
      const char = alternatives[i];
      place.disabled = !char;
      place.dataset.char = char ?? "";
      place.replaceChildren(...(char ? [char, make("small", {}, this.kind(char, "_short"))] : []));
      if (char) place.setAttribute("aria-label", this.text("choose", { char, kind: this.kind(char) }));
      else place.removeAttribute("aria-label");
    });
  }

  showSeen(seen) {
    const image = new ImageData(32, 32);
    const levels = atob(seen);
    for (let i = 0; i < 1024; i++) {
      const grey = 255 - (levels.charCodeAt(i) || 0);
      image.data.set([grey, grey, grey, 255], 4 * i);
    }
    this.parts.seen.getContext("2d").putImageData(image, 0, 0);
  }

  // How long the person waited, for the browser's own performance tools and our bench.
  settle() {
    requestAnimationFrame(() => {
      if (!performance.getEntriesByName("ukr-pen-up").length) return;
      performance.measure("ukr-answer", "ukr-pen-up");
      performance.clearMarks("ukr-pen-up");
    });
  }

  showFinished() {
    const { status } = this.model.get("finished");
    const said = ["saved", ...TROUBLES].includes(status) ? this.text(status) : "";
    this.parts.kept.textContent = said;
    this.parts.status.textContent = this.parts.collect.checked ? said : this.text("collect_off");
    this.parts.kept.dataset.status = status ?? "";
    this.parts.status.dataset.status = this.parts.collect.checked ? (status ?? "") : "off";
  }

  // -------------------------------------------------------------- what a person does

  choose(char) {
    if (!char) return;
    this.parts.dialog.close();
    this.thanked = true;
    this.tell({ kind: "choose", char });
  }

  confirm() {
    const { state, named, strokes } = this.model.get("answer");
    if (!this.model.get("task").char) return state === "answer" && this.choose(named[0]);
    if (!strokes) return;
    this.thanked = true;
    this.tell({ kind: "done" });
  }

  // Practise a symbol, or the one that is wanted most; a symbol that the mode leaves out changes the mode.
  practise(char = "") {
    this.gallery.dialog.close();
    this.wanted.dialog.close();
    this.thanked = false;
    const { value } = this.parts.modes.querySelector(":checked");
    if (char && value !== "auto" && (value === "digits") !== /\d/.test(char)) {
      this.parts.modes.querySelector("[value=auto]").checked = true;
      this.tell({ kind: "mode", mode: "auto" });
    }
    this.tell({ kind: "practise", char });
    scrollTo({ top: 0 });
  }

  switchPractice() {
    this.thanked = false;
    if (this.model.get("task").char) this.tell({ kind: "rest" });
    else this.practise();
  }

  skip() {
    this.thanked = false;
    this.tell({ kind: "skip" });
  }

  clear() {
    this.thanked = false;
    this.tell({ kind: "clear" });
  }

  fillAlphabet() {
    const { letters, digits } = this.model.get("alphabet");
    const capitals = this.parts.cases.querySelector("[value=capitals]").checked;
    const symbols = (chars) =>
      [...chars].map((char) => {
        const symbol = make("button", { type: "button", class: "ukr-symbol" }, char);
        symbol.setAttribute("aria-label", this.text("choose", { char, kind: this.kind(char) }));
        symbol.addEventListener("click", () => this.choose(char));
        return symbol;
      });
    this.parts.letters.replaceChildren(...symbols(capitals ? letters.toUpperCase() : letters));
    this.parts.figures.replaceChildren(...symbols(digits));
  }

  openAlphabet() {
    const [char] = this.model.get("answer").named;
    const capital = char !== char.toLowerCase();
    this.parts.cases.querySelector(capital ? "[value=capitals]" : "[value=smalls]").checked = true;
    this.fillAlphabet();
    this.showWindow(this.parts.dialog);
  }

  press(event) {
    if (event.altKey || this.root.querySelector("dialog[open]")) return;
    const command = event.ctrlKey || event.metaKey;
    const letter = letterOf(event);
    const choice = /^[1-5]$/.test(event.key) ? event.key : event.shiftKey ? "" : /^Digit([1-5])$/.exec(event.code)?.[1];
    if (command && (letter === "y" || (letter === "z" && event.shiftKey))) this.tell({ kind: "redo" });
    else if (command && letter === "z") this.tell({ kind: "undo" });
    else if (command) return;
    else if (event.key === "Escape") this.clear();
    else if (choice && !this.model.get("task").char) this.choose(this.model.get("answer").alternatives[choice - 1]);
    else if (event.key === "Enter" && !event.target.closest?.("button, input, a")) this.confirm();
    else return;
    event.preventDefault();
  }

  connectParts() {
    const { parts, model, root } = this;
    const on = (part, event, action) => part.addEventListener(event, action);
    on(parts.language, "click", () => this.switchLanguage());
    on(parts.undo, "click", () => this.tell({ kind: "undo" }));
    on(parts.redo, "click", () => this.tell({ kind: "redo" }));
    on(parts.clear, "click", () => this.clear());
    on(parts.yes, "click", () => this.confirm());
    on(parts.done, "click", () => this.confirm());
    on(parts.practice, "click", () => this.switchPractice());
    on(parts.skip, "click", () => this.skip());
    on(parts.gallery, "click", () => this.gallery.open());
    on(parts.wanted, "click", () => this.wanted.open());
    on(parts.mine, "click", () => this.mine.open());
    on(parts.both, "click", (event) => this.choose(event.target.closest("button")?.dataset.char));
    on(parts.alternatives, "click", (event) => this.choose(event.target.closest("button")?.dataset.char));
    on(parts.open, "click", () => this.openAlphabet());
    on(parts.cases, "change", () => this.fillAlphabet());
    on(parts.modes, "change", (event) => this.tell({ kind: "mode", mode: event.target.value }));
    on(parts.reload, "click", () => location.reload());
    on(parts.collect, "change", () => {
      remember("collect", parts.collect.checked ? "yes" : "no");
      this.tell({ kind: "collect", collect: parts.collect.checked });
      this.showFinished();
      this.showAnswer();
    });
    on(root, "ukr-ink", () => {
      this.thanked = false;
      parts.hint.hidden = true;
      document.activeElement?.blur?.(); // Enter now confirms instead of pressing an old button
    });
    on(root, "ukr-sent", () => this.expectLife());
    this.keys = (event) => this.press(event);
    document.addEventListener("keydown", this.keys);
    this.answered = () => this.showAnswer();
    this.finishedNews = () => (this.showFinished(), this.showAnswer());
    this.counted = () => (this.gallery.show(), this.wanted.show(), this.showAnswer());
    this.received = (message) => this.receive(message);
    model.on("change:answer", this.answered);
    model.on("change:task", this.answered);
    model.on("change:finished", this.finishedNews);
    model.on("change:counts", this.counted);
    model.on("change:counting", this.counted);
    model.on("msg:custom", this.received);
  }

  receive(message) {
    if (message.kind === "pictures") this.gallery.receive(message);
    else if (message.kind === "deleted") this.mine.receive(message);
    else if (message.kind === "renew") this.renew();
  }

  // -------------------------------------------------------------- is anybody there?

  tell(message) {
    this.model.send(message);
    this.expectLife();
  }

  expectLife() {
    this.lastAction = Date.now();
    this.suspect(SILENCE);
  }

  suspect(patience) {
    if (patience < SILENCE) clearTimeout(this.doubt);
    if (this.doubt && patience === SILENCE) return;
    this.doubt = setTimeout(() => this.lose(true), patience);
  }

  lose(lost) {
    this.parts.lost.hidden = !lost;
    this.root.dataset.lost = lost ? "yes" : "no";
    if (lost) this.root.querySelector("dialog[open]")?.close(); // it would hide the message
  }

  watchKernel() {
    this.alive = () => {
      clearTimeout(this.doubt);
      this.doubt = null;
      this.lose(false);
    };
    this.model.on("msg:custom", this.alive);
    this.model.on("change:answer", this.alive);
    // The wire tells at once when it breaks; a short break mends itself, and the ping then says so.
    this.wire = this.model.widget_manager.kernel?.connectionStatusChanged;
    this.wired = (_, status) => (status === "connected" ? this.ping() : this.suspect(BREAK));
    this.wire?.connect(this.wired);
    this.listening = setInterval(() => {
      const awake = Date.now() - this.lastAction < ASLEEP;
      if (awake && !document.hidden) this.ping();
    }, LISTEN);
    this.returned = () => document.hidden || this.ping();
    document.addEventListener("visibilitychange", this.returned);
  }

  ping() {
    this.model.send({ kind: "ping" });
    this.suspect(SILENCE);
  }

  stop() {
    this.wire?.disconnect(this.wired);
    clearInterval(this.listening);
    clearTimeout(this.doubt);
    document.removeEventListener("keydown", this.keys);
    document.removeEventListener("visibilitychange", this.returned);
    this.model.off("change:answer", this.answered);
    this.model.off("change:task", this.answered);
    this.model.off("change:finished", this.finishedNews);
    this.model.off("change:counts", this.counted);
    this.model.off("change:counting", this.counted);
    this.model.off("msg:custom", this.received);
    this.model.off("change:answer", this.alive);
    this.model.off("msg:custom", this.alive);
  }
}

async function render({ model, el }) {
  const page = new Drawing(model, el);
  await page.start();
  return () => page.stop();
}

export default { render };
