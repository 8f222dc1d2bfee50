// ICD-10-CM codes while typing: a combobox after the ARIA pattern. Works in fields that arrive later, too. An empty field
// offers the person's favourite codes and those that they last gave; * makes the code that one stands on a favourite.
import { announce, csrfToken } from "./say.js";

const WAIT = 120; // ms after the last key

function parts(input) {
  const box = input.closest("[data-codesearch]");
  const [list, notes, help] = ["[role=listbox]", ".codesearch-notes", ".codesearch-help"].map((one) => box.querySelector(one));
  return { box, url: box.dataset.codesearch, list, notes, help };
}

function span(name, words) {
  const made = document.createElement("span");
  made.className = name;
  made.textContent = words;
  return made;
}

function option({ code, title, more, because, billable, hccs, favourite, recent }, id) {
  const item = document.createElement("li");
  item.id = id;
  item.setAttribute("role", "option");
  item.setAttribute("aria-selected", "false");
  item.dataset.code = code;
  if (more) item.dataset.more = more;
  item.append(span("code", code), title);
  if (!more) markFavourite(item, favourite);
  if (because) item.append(span("soft", ` ${because}`));
  const facts = [];
  if (more) facts.push(`not billable, ${more} under it`);
  else if (billable === false) facts.push("not billable");
  else if (billable === null) facts.push("code list of another fiscal year");
  if (hccs && !more) facts.push(hccs);
  if (recent && !favourite) facts.push("given lately");
  if (facts.length) item.append(span("codesearch-facts", facts.join(" · ")));
  return item;
}

function show(input, results) {
  const { list, notes, help } = parts(input);
  list.replaceChildren(...results.map((result, index) => option(result, `${list.id}-${index}`)));
  list.hidden = results.length === 0;
  notes.hidden = true;
  help.hidden = list.hidden;
  input.setAttribute("aria-expanded", String(!list.hidden));
  input.removeAttribute("aria-activedescendant");
}

function choose(input, item) {
  input.value = item.dataset.code;
  input.focus();
  if (item.dataset.more) { // a category: on to the codes under it
    input.dispatchEvent(new Event("input", { bubbles: true }));
    return;
  }
  show(input, []);
  input.dispatchEvent(new CustomEvent("chosen", { bubbles: true }));
}

function activate(input, step) {
  const items = [...parts(input).list.children];
  if (!items.length) return;
  const at = items.findIndex((item) => item.getAttribute("aria-selected") === "true");
  const next = items[at < 0 ? (step > 0 ? 0 : items.length - 1) : (at + step + items.length) % items.length];
  for (const item of items) item.setAttribute("aria-selected", String(item === next));
  input.setAttribute("aria-activedescendant", next.id);
  next.scrollIntoView({ block: "nearest" });
  readNotes(input, next.dataset.code);
}

// Includes, excludes, code first: what the tabular list says, beside the code that one stands on.
let reading;
function readNotes(input, code) {
  clearTimeout(reading);
  reading = setTimeout(async () => {
    const { url, notes, list } = parts(input);
    const answer = await fetch(`${url}${encodeURIComponent(code)}/`);
    const standing = list.querySelector('[aria-selected="true"]')?.dataset.code;
    if (!answer.ok || answer.redirected || standing !== code) return;
    notes.innerHTML = await answer.text(); // our own fragment, escaped by the server
    notes.hidden = false;
  }, WAIT);
}

function isCode(words) {
  return /^[a-z][0-9][0-9a-z][.]?[0-9a-z]{0,4}$/i.test(words.trim());
}

// The star is pressed by pointer; who hears the option hears the word where it is one.
function markFavourite(item, on) {
  item.querySelector(".favourite")?.remove();
  const star = span("favourite", on ? "★" : "☆");
  star.title = on ? "A favourite: press to take the star away" : "Make it a favourite";
  star.setAttribute("role", "img");
  if (on) star.setAttribute("aria-label", "favourite");
  else star.setAttribute("aria-hidden", "true");
  item.prepend(star);
}

async function favour(input, item) {
  const { code } = item.dataset;
  const address = `${parts(input).url}${encodeURIComponent(code)}/favourite/`;
  const answer = await fetch(address, { method: "POST", headers: { "X-CSRFToken": csrfToken() } });
  if (!answer.ok || answer.redirected) return;
  const { favourite } = await answer.json();
  markFavourite(item, favourite);
  announce(favourite ? `${code} is a favourite.` : `${code} is no favourite any more.`);
}

let timer;
let asked = 0;
function look(input, wait) {
  clearTimeout(timer);
  timer = setTimeout(async () => {
    const words = input.value.trim();
    const number = ++asked;
    if (words.length === 1) { show(input, []); return; }
    const { url, box } = parts(input);
    const on = box.closest(".card")?.dataset.on ?? input.form?.querySelector("[name=encounter] option:checked")?.dataset.on;
    const query = new URLSearchParams({ q: words, chart: box.dataset.chart ?? "", on: on ?? "" });
    const answer = await fetch(`${url}?${query}`, { headers: { Accept: "application/json" } });
    if (!answer.ok || number !== asked || answer.redirected) return;
    const { results } = await answer.json();
    if (document.activeElement === input) show(input, results);
  }, wait);
}

document.addEventListener("input", (event) => {
  if (event.target.matches("[data-codesearch] input")) look(event.target, WAIT);
});

document.addEventListener("focusin", (event) => {
  const input = event.target;
  if (input.matches("[data-codesearch] input") && !input.value) look(input, 0);
});

document.addEventListener("keydown", (event) => {
  const input = event.target;
  if (!input.matches?.("[data-codesearch] input")) return;
  const { list } = parts(input);
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    activate(input, event.key === "ArrowDown" ? 1 : -1);
  } else if (event.key === "Enter" && !list.hidden) {
    // Words are not a code: Enter takes the first that was found. A whole code goes as it was typed, and nothing as nothing.
    const typed = input.value.trim();
    const item = list.querySelector('[aria-selected="true"]') ?? (!typed || isCode(typed) ? null : list.firstElementChild);
    if (item) {
      event.preventDefault();
      choose(input, item);
    } else show(input, []);
  } else if (event.key === "*" && list.querySelector('[aria-selected="true"]:not([data-more])')) {
    event.preventDefault();
    favour(input, list.querySelector('[aria-selected="true"]'));
  } else if (event.key === "ArrowRight" && list.querySelector('[aria-selected="true"][data-more]')) {
    event.preventDefault();
    choose(input, list.querySelector('[aria-selected="true"]'));
  } else if (event.key === "Escape" && !list.hidden) {
    event.preventDefault();
    event.stopPropagation();
    show(input, []);
  }
}, true);

document.addEventListener("mousedown", (event) => {
  const item = event.target.closest?.(".codesearch-results li[data-code]");
  if (!item) return;
  event.preventDefault(); // the field keeps the focus
  if (event.target.closest(".favourite")) favour(item.closest("[data-codesearch]").querySelector("input"), item);
  else choose(item.closest("[data-codesearch]").querySelector("input"), item);
});

// A list that closed under the pointer would move what is being pressed away from it.
let pressed = false;
document.addEventListener("pointerdown", () => { pressed = true; }, true);
for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, () => { pressed = false; }, true);

function leave(input) {
  if (pressed) document.addEventListener("pointerup", () => setTimeout(() => leave(input)), { once: true });
  else if (document.activeElement !== input) show(input, []);
}

document.addEventListener("focusout", (event) => {
  const input = event.target;
  // Into its notes, to scroll them, is not away.
  if (input.matches?.("[data-codesearch] input") && !parts(input).notes.contains(event.relatedTarget)) setTimeout(() => leave(input));
});
