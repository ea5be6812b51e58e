// The drawing page in the browser. The kernel says what the drawing is; this file finds the words,
// the places and the keys. Every word comes from the kernel's tables of texts.

const REMEMBER = "ukr-letters."; // prefix of what the browser keeps
const SILENCE = 5000; // ms without any sign of life after a message: the kernel is gone
const BREAK = 2000; // ms that a broken wire may take to mend
const ASLEEP = 600000; // ms without a visitor's action: stop asking the kernel for signs of life
const LISTEN = 15000; // ms between such questions

// ---------------------------------------------------------------- what the browser remembers

function recall(key, fallback) {
  try {
    return localStorage.getItem(REMEMBER + key) ?? fallback;
  } catch {
    return fallback; // storage is switched off: the page works, it only forgets
  }
}

function remember(key, value) {
  try {
    localStorage.setItem(REMEMBER + key, value);
  } catch {
    // storage is switched off
  }
}

function writerId() {
  const known = recall("writer", "");
  if (/^[0-9a-f]{32}$/.test(known)) return known;
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const fresh = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  remember("writer", fresh);
  return fresh;
}

// ---------------------------------------------------------------- building blocks

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const ICONS = {
  undo: "M9 7 4 12l5 5M4 12h10a6 6 0 0 1 0 12h-2",
  redo: "M19 7l5 5-5 5M24 12H14a6 6 0 0 0 0 12h2",
  clear: "M7 7l14 14M21 7 7 21",
  check: "M5 15l6 6L23 8",
};

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 28 28");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

// An element whose words follow the language: `data-text` is the key of its text.
const words = (tag, key, attributes = {}) => make(tag, { ...attributes, "data-text": key });

function button(key, className, ...before) {
  return make("button", { type: "button", class: className }, ...before, words("span", key));
}

function choiceOf(name, keys, checked) {
  const group = make("div", { class: "ukr-choice" });
  for (const key of keys) {
    const input = make("input", { type: "radio", name, value: key });
    input.checked = key === checked;
    group.append(make("label", {}, input, words("span", key)));
  }
  return group;
}

// ---------------------------------------------------------------- the parts of the page

function buildParts() {
  const parts = {
    heading: words("h1", "title"),
    language: words("button", "language", { type: "button", class: "ukr-quiet" }),
    lost: make("div", { class: "ukr-lost", role: "alert", hidden: "" }, words("span", "lost")),
    reload: button("reload", "ukr-button"),
    place: make("div", { class: "ukr-place" }),
    hint: words("p", "hint", { class: "ukr-hint", "aria-hidden": "true" }),
    undo: button("undo", "ukr-tool", icon("undo")),
    redo: button("redo", "ukr-tool", icon("redo")),
    clear: button("clear", "ukr-tool", icon("clear")),
    char: make("div", { class: "ukr-char", "aria-hidden": "true" }),
    headline: make("p", { class: "ukr-headline" }),
    detail: make("p", { class: "ukr-detail" }),
    bar: make("div", { class: "ukr-bar", "aria-hidden": "true" }, make("i")),
    yes: button("yes", "ukr-button ukr-yes", icon("check")),
    kept: make("p", { class: "ukr-kept", "aria-hidden": "true" }),
    live: make("p", { class: "ukr-unseen", "aria-live": "polite" }),
    ask: make("p", { class: "ukr-ask" }),
    alternatives: make("div", { class: "ukr-alternatives", role: "group" }),
    open: button("alphabet", "ukr-button ukr-open"),
    modes: choiceOf("ukr-mode", ["auto", "letters", "digits"], "auto"),
    seen: make("canvas", { width: 32, height: 32, role: "img" }),
    collect: make("input", { type: "checkbox", role: "switch", id: "ukr-collect" }),
    status: make("p", { class: "ukr-status", role: "status" }),
    dialog: make("dialog", { class: "ukr-dialog", "aria-labelledby": "ukr-dialog-title" }),
    close: words("button", "close", { type: "button", class: "ukr-quiet" }),
    cases: choiceOf("ukr-case", ["smalls", "capitals"], "smalls"),
    letters: make("div", { class: "ukr-symbols" }),
    figures: make("div", { class: "ukr-symbols ukr-figures" }),
  };
  for (let i = 0; i < 5; i++) parts.alternatives.append(make("button", { type: "button", class: "ukr-symbol" }));
  return parts;
}

function arrange(parts) {
  const { lost, reload, place, hint, dialog } = parts;
  lost.append(reload);
  place.append(hint);
  dialog.append(
    make("header", {}, words("h2", "alphabet_title", { id: "ukr-dialog-title" }), parts.close),
    parts.cases,
    parts.letters,
    parts.figures,
  );
  const tools = make("div", { class: "ukr-tools" }, parts.undo, parts.redo, parts.clear);
  const said = make("div", { class: "ukr-said" }, parts.headline, parts.detail, parts.bar, parts.yes, parts.kept);
  const answer = make("div", { class: "ukr-answer" }, parts.char, said);
  const other = make("div", { class: "ukr-other" }, parts.ask, parts.alternatives, parts.open);
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
  );
  return make(
    "main",
    { class: "ukr-page" },
    make("header", { class: "ukr-head" }, parts.heading, parts.language),
    make("section", { class: "ukr-left" }, place, tools),
    make("section", { class: "ukr-right" }, answer, other, mode, seen, words("p", "keys", { class: "ukr-keys" })),
    notice,
    parts.live,
    lost,
    dialog,
  );
}

// ---------------------------------------------------------------- the page at work

class Page {
  constructor(model, element) {
    this.model = model;
    this.parts = buildParts();
    this.root = arrange(this.parts);
    this.language = recall("language", "uk") === "en" ? "en" : "uk";
    this.thanked = false; // the last drawing is finished and thanked for, nothing new is drawn yet
    this.lastAction = Date.now();
    this.parts.collect.checked = recall("collect", "yes") === "yes";
    element.append(this.root);
  }

  text(key, values = {}) {
    const found = this.model.get("texts")[this.language][key];
    return found.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  }

  // The case in words, because a small and a capital letter, or a letter and a digit, may look the same.
  kind(char, short = "") {
    if (/\d/.test(char)) return this.text("digit" + short);
    return this.text((char === char.toLowerCase() ? "small" : "capital") + short);
  }

  async start() {
    this.connectParts();
    this.fillAlphabet();
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

  hello() {
    this.tell({ kind: "hello", writer: writerId(), collect: this.parts.collect.checked });
  }

  // -------------------------------------------------------------- words

  speak() {
    const { language, root } = this;
    document.documentElement.lang = root.lang = language;
    document.title = this.text("title");
    for (const element of root.querySelectorAll("[data-text]")) {
      element.textContent = this.text(element.dataset.text);
    }
    this.parts.language.lang = language === "uk" ? "en" : "uk";
    this.parts.seen.setAttribute("aria-label", this.text("seen"));
    this.parts.alternatives.setAttribute("aria-label", this.text("alternatives"));
    root.querySelector(".ukr-pad-layer")?.setAttribute("aria-label", this.text("pad"));
    this.showAnswer();
    this.showFinished();
  }

  switchLanguage() {
    this.language = this.language === "uk" ? "en" : "uk";
    remember("language", this.language);
    this.speak();
  }

  // -------------------------------------------------------------- the answer

  showAnswer() {
    const answer = this.model.get("answer");
    const { parts, root } = this;
    const empty = answer.state === "empty";
    root.dataset.state = empty && this.thanked ? "thanks" : answer.state;
    root.dataset.strokes = answer.strokes;
    parts.hint.hidden = !empty;
    parts.undo.disabled = parts.clear.disabled = !answer.strokes;
    parts.redo.disabled = !answer.undone;
    parts.open.disabled = empty;
    parts.yes.hidden = answer.state !== "answer";
    parts.bar.firstChild.style.width = `${answer.percent}%`;
    this.showAlternatives(answer);
    this.showSeen(answer.seen);
    if (empty) this.showEmpty();
    else this.showGuess(answer);
    this.settle();
  }

  showGuess({ state, char, percent, rivals }) {
    const { parts } = this;
    const [one, other] = rivals;
    const unsure = state === "unsure";
    parts.char.textContent = unsure ? "?" : char;
    parts.headline.textContent = unsure ? this.text("unsure") : this.kind(char);
    parts.detail.textContent = unsure ? this.text("unsure_more") : this.text("sure", { percent });
    const [one_kind, other_kind] = rivals.map((rival) => this.kind(rival, "_short"));
    parts.ask.textContent = one
      ? this.text("rivals", { one, one_kind, other, other_kind })
      : this.text(unsure ? "perhaps" : "alternatives");
    const said = unsure ? parts.headline.textContent : `${char}, ${this.kind(char)}`;
    parts.live.textContent = `${said}. ${one ? parts.ask.textContent : parts.detail.textContent}`;
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
    if (!performance.getEntriesByName("ukr-pen-up").length) return;
    requestAnimationFrame(() => {
      performance.measure("ukr-answer", "ukr-pen-up");
      performance.clearMarks("ukr-pen-up");
    });
  }

  showFinished() {
    const { status } = this.model.get("finished");
    const said = ["saved", "waiting", "refused"].includes(status) ? this.text(status) : "";
    this.parts.kept.textContent = said;
    this.parts.status.textContent = this.parts.collect.checked ? said : this.text("collect_off");
    this.parts.kept.dataset.status = this.parts.status.dataset.status = status ?? "";
  }

  // -------------------------------------------------------------- what a person does

  choose(char) {
    if (!char) return;
    this.parts.dialog.close();
    this.thanked = true;
    this.tell({ kind: "choose", char });
  }

  confirm() {
    const { state, char } = this.model.get("answer");
    if (state === "answer") this.choose(char);
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
    const { char } = this.model.get("answer");
    const capital = char !== char.toLowerCase();
    this.parts.cases.querySelector(capital ? "[value=capitals]" : "[value=smalls]").checked = true;
    this.fillAlphabet();
    this.parts.dialog.showModal();
  }

  press(event) {
    if (event.altKey || this.parts.dialog.open) return;
    const command = event.ctrlKey || event.metaKey;
    const redo = event.code === "KeyY" || (event.code === "KeyZ" && event.shiftKey);
    if (command && redo) this.tell({ kind: "redo" });
    else if (command && event.code === "KeyZ") this.tell({ kind: "undo" });
    else if (command) return;
    else if (event.key === "Escape") this.clear();
    else if (/^[1-5]$/.test(event.key)) this.choose(this.model.get("answer").alternatives[event.key - 1]);
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
    on(parts.alternatives, "click", (event) => this.choose(event.target.closest("button")?.dataset.char));
    on(parts.open, "click", () => this.openAlphabet());
    on(parts.close, "click", () => parts.dialog.close());
    on(parts.cases, "change", () => this.fillAlphabet());
    on(parts.modes, "change", (event) => this.tell({ kind: "mode", mode: event.target.value }));
    on(parts.reload, "click", () => location.reload());
    on(parts.collect, "change", () => {
      remember("collect", parts.collect.checked ? "yes" : "no");
      this.tell({ kind: "collect", collect: parts.collect.checked });
      this.showFinished();
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
    model.on("change:answer", this.answered);
    model.on("change:finished", this.finishedNews);
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
    this.model.off("change:finished", this.finishedNews);
    this.model.off("change:answer", this.alive);
    this.model.off("msg:custom", this.alive);
  }
}

async function render({ model, el }) {
  const page = new Page(model, el);
  await page.start();
  return () => page.stop();
}

export default { render };
