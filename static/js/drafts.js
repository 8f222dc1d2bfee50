// Words that were typed outlive a reload, a log-in in the same tab, an accidental Escape. What is in a [data-draft] or in an
// answer's panel is kept in this tab's own storage, for the person who typed it, until the server has it, the person gives it
// up (Cancel) or logs out; a closed tab forgets it.
import { announce } from "./say.js";

const PLACE = `draft:${location.pathname}`;
const person = document.body.dataset.person; // nobody on the log-in page
const BOX = "[data-draft], .answer-panel";
const PLACE_IN_A_NOTE = ["note", "start", "end"]; // hidden, and part of what was chosen

// --- The storage: {person, drafts: {key: {fields, open, sent}}} for each page ---
function read(place = PLACE) {
  const stored = JSON.parse(sessionStorage.getItem(place) ?? "null");
  return stored && (!person || stored.person === person) ? stored.drafts : {};
}

function write(drafts, place = PLACE) {
  if (!Object.keys(drafts).length) { sessionStorage.removeItem(place); return; }
  const of = person ?? JSON.parse(sessionStorage.getItem(place)).person;
  sessionStorage.setItem(place, JSON.stringify({ person: of, drafts }));
}

// change(key, draft) gives what becomes of each draft of this page; nothing forgets it.
function each(change, place = PLACE) {
  const kept = Object.entries(read(place)).map(([key, draft]) => [key, change(key, draft)]);
  write(Object.fromEntries(kept.filter(([, draft]) => draft)), place);
}

const places = () => Object.keys(sessionStorage).filter((name) => name.startsWith("draft:"));

// --- What is in a box ---
// A panel is of its questions and its answer: a card asks date by date, too.
export function keyOf(box, form = box.closest("form")) {
  if (box.dataset.draft) return box.dataset.draft;
  const asked = [...form.querySelectorAll("input[name=s], input[name=r]")].map((one) => one.value);
  return `${asked.join(" ")} ${box.dataset.outcome}`;
}

function fieldsIn(box) {
  return [...box.querySelectorAll("input[name], textarea[name], select[name]")].filter(
    (field) => (field.type !== "hidden" || PLACE_IN_A_NOTE.includes(field.name)) && field.type !== "file" && field.type !== "password",
  );
}

function typedIn(box) {
  const typed = {};
  for (const field of fieldsIn(box)) {
    if (field.type !== "radio" && field.type !== "checkbox") typed[field.name] = field.value;
    else if (field.checked) (typed[field.name] ??= []).push(field.value);
  }
  return typed;
}

// Puts the draft of the box into it; false where there is none.
export function restoreDraft(box) {
  const draft = read()[keyOf(box)];
  if (!draft) return false;
  for (const field of fieldsIn(box)) {
    const value = draft.fields[field.name];
    if (field.type !== "radio" && field.type !== "checkbox") field.value = value ?? field.value;
    else field.checked = value?.includes(field.value) ?? false;
  }
  announce("What you had typed here is back.");
  return true;
}

// The keys of what stood open when the page was left.
export function openDrafts() {
  return Object.entries(read()).filter(([, draft]) => draft.open).map(([key]) => key);
}

export function forgetDraft(box) {
  each((key, draft) => (key === keyOf(box) ? null : draft));
}

// Closed without a word about it: the words come back when it is opened again.
export function shelveDraft(box) {
  const kept = read()[keyOf(box)];
  if (!kept) return;
  each((key, draft) => (key === keyOf(box) ? { ...draft, open: false } : draft));
  announce("What you typed is kept: open it again to go on.");
}

// --- Typing, sending, what became of it ---
document.addEventListener("input", (event) => {
  const box = event.target.closest(BOX);
  if (box && person) write({ ...read(), [keyOf(box)]: { fields: typedIn(box), open: true } });
});

function sent(form) {
  const boxes = [form, ...form.querySelectorAll(BOX)].filter((one) => one.matches(BOX)).map((one) => keyOf(one));
  each((key, draft) => (boxes.includes(key) ? { ...draft, sent: true } : draft));
}

const settle = (arrived) => each((key, draft) => (draft.sent && arrived ? null : { ...draft, sent: false }));

document.addEventListener("htmx:beforeRequest", (event) => { if (event.detail.elt.matches("form")) sent(event.detail.elt); });
document.addEventListener("answered", (event) => settle(!event.detail.panel));
for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) document.addEventListener(name, () => settle(false));
document.addEventListener("submit", (event) => { if (!event.defaultPrevented && !event.target.matches("[hx-post]")) sent(event.target); });

// A page that came after a form was sent: the server had it, unless it asks to log in. Going back and loading again say nothing.
const [arrival] = performance.getEntriesByType("navigation");
if (!person || arrival?.type === "navigate") {
  for (const place of places()) each((key, draft) => (draft.sent && person ? null : { ...draft, sent: false }), place);
}
for (const box of document.querySelectorAll("[data-draft]")) {
  if (restoreDraft(box) && read()[keyOf(box)].open && box.closest("details")) box.closest("details").open = true;
}
