// What our pages share: what a browser remembers, and the building blocks of a page whose words
// follow the language. Put in front of a page's own script, because widgets load one file each.

const REMEMBER = "ukr-letters."; // prefix of what the browser keeps

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

// The letter of a pressed key: what it types if that is Latin, else the letter that is printed there for Latin.
function letterOf({ key, code }) {
  if (/^[a-z]$/i.test(key)) return key.toLowerCase();
  return code.startsWith("Key") ? code.slice(3).toLowerCase() : "";
}

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
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


// A page whose words follow the language: the one chosen here before, else the first that the browser wishes for. The
// kernel sends the texts of all languages; its first one is for whom none of them is wished for.
class Page {
  constructor(model) {
    this.model = model;
    const wished = [recall("language", ""), ...navigator.languages.map((tag) => tag.split("-")[0])];
    this.language = wished.find((language) => this.languages.includes(language)) ?? this.languages[0];
  }

  get languages() {
    return Object.keys(this.model.get("texts"));
  }

  // The language that the button offers.
  get nextLanguage() {
    return this.languages[(this.languages.indexOf(this.language) + 1) % this.languages.length];
  }

  text(key, values = {}, language = this.language) {
    const found = this.model.get("texts")[language][key] ?? key;
    return found.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  }

  // The case in words, because a small and a capital letter, or a letter and a digit, may look the same.
  kind(char, short = "") {
    if (/\d/.test(char)) return this.text("digit" + short);
    return this.text((char === char.toLowerCase() ? "small" : "capital") + short);
  }

  name(char) {
    return `${char}, ${this.kind(char)}`;
  }

  // What an answer names: one symbol, or two that nobody can tell apart.
  names([one, other]) {
    return other ? this.text("either", { one: this.name(one), other: this.name(other) }) : this.name(one);
  }

  // Fill in the words of a part of the page; those of the language button are in the language that it offers.
  spell(part) {
    for (const element of part.querySelectorAll("[data-text]")) {
      const { text } = element.dataset;
      element.textContent = this.text(text, {}, text.startsWith("language") ? this.nextLanguage : this.language);
    }
    this.parts.language.lang = this.nextLanguage;
    document.documentElement.lang = this.root.lang = this.language;
  }

  switchLanguage() {
    this.language = this.nextLanguage;
    remember("language", this.language);
    this.speak();
  }
}
