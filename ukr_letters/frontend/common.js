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

