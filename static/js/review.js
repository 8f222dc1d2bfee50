// The review page: one current question, its evidence lit in the notes, and keys for everything.
import { announce, csrfToken, showProblem } from "./say.js";
import "./codesearch.js";
import { prepareFind } from "./find.js";
import { forgetDraft, keyOf, openDrafts, restoreDraft, shelveDraft } from "./drafts.js";
import { areOn, commandOf, shortcut, withKey } from "./keys.js";
import { preparePdfs, viewerOf } from "./pdf.js";
import { selectedText } from "./selection.js";
import { startTour, tourAllows, tourTried } from "./tour.js";

const record = document.getElementById("record");
const panes = document.querySelector(".panes");
const legend = document.getElementById("legend");
const sideBySide = window.matchMedia("(min-width: 64rem)");
let current = null; // id of the card
let evidence = -1; // which of its quotes

const cards = () => [...document.querySelectorAll(".card")];
const card = () => document.getElementById(current);

// --- The current question ---
function makeCurrent(next, { focus = false } = {}) {
  if (!next) return;
  if (next.id !== current) {
    evidence = -1;
    for (const one of document.querySelectorAll(".quote.now")) one.classList.remove("now");
  }
  current = next.id;
  for (const one of cards()) one.classList.toggle("current", one === next);
  light(next.dataset.owners.split(" "));
  offerMarks();
  if (focus) {
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: sideBySide.matches ? "start" : "nearest" });
  }
  if (sideBySide.matches && !next.matches(".answered:not(.returned)")) showEvidence(next);
}

// A piece of text may be evidence for several questions: it is marked as what it is for the current one.
const ORDER = ["against", "assess", "treat", "evaluate", "monitor"];
const LETTERS = { against: "✕", assess: "A", treat: "T", evaluate: "E", monitor: "M" };

function marksOf(piece) {
  return piece.dataset.marks.split(" ").map((mark) => {
    const [owner, label] = mark.split(":");
    return { owner: owner.replace("+", ""), begins: owner.endsWith("+"), label };
  });
}

function light(owners) {
  for (const piece of record.querySelectorAll(".seg[data-marks]")) {
    piece.dataset.rest ??= piece.className;
    const own = marksOf(piece).filter(({ owner }) => owners.includes(owner));
    if (!own.length) {
      piece.className = piece.dataset.rest;
      continue;
    }
    const labels = own.map(({ label }) => label);
    const mark = ORDER.find((label) => labels.includes(label)) ?? "";
    piece.className = ["seg", "on", labels.includes("mention") && "mention", mark].filter(Boolean).join(" ");
    const letters = ORDER.filter((label) => own.some((one) => one.begins && one.label === label)).map((label) => LETTERS[label]);
    if (letters.length) piece.dataset.letters = letters.join("");
    else delete piece.dataset.letters;
  }
  record.classList.add("focused");
}

// The record comes to the question's first evidence, without taking the focus. A far place is reached at once: nobody
// wants to watch twenty notes go by.
const still = window.matchMedia("(prefers-reduced-motion: reduce)");

async function showEvidence(of) {
  const quote = of.querySelector(".quote");
  const first = quote && (await piecesOf(quote))[0];
  if (of.id !== current) return; // the person went on meanwhile
  const place = first ?? document.getElementById(of.querySelector("a[href^='#encounter-']")?.hash.slice(1));
  if (!place) return;
  const view = record.getBoundingClientRect();
  const box = place.getBoundingClientRect();
  if (first && box.top > view.top + 60 && box.bottom < view.bottom - 60) return;
  const far = Math.abs(box.top - view.top) > 2 * view.height;
  place.scrollIntoView({ block: first ? "center" : "start", behavior: still.matches || far ? "instant" : "smooth" });
}

function step(by) {
  const all = cards();
  if (!all.length) return;
  const at = all.findIndex((one) => one.id === current);
  makeCurrent(all[Math.min(Math.max(at + by, 0), all.length - 1)], { focus: true });
}

// --- Evidence ---
// Where a quote stands: pieces of the note's text, or words on a page of it.
async function piecesOf(quote) {
  const { jump: note, start, end } = quote.dataset;
  const viewer = viewerOf(note);
  if (viewer?.showsPages()) {
    const words = await viewer.reveal(Number(start), Number(end)).catch(() => null);
    if (words) return words;
  }
  return [...record.querySelectorAll(`.note-text[data-note="${note}"] .seg`)].filter(
    (piece) => Number(piece.dataset.start) >= Number(start) && Number(piece.dataset.start) < Number(end),
  );
}

async function jump(quote) {
  const pieces = await piecesOf(quote);
  pieces[0]?.scrollIntoView({ block: "center" });
  for (const piece of pieces) {
    piece.classList.remove("pulse");
    void piece.offsetWidth; // restarts the animation
    piece.classList.add("pulse");
    piece.addEventListener("animationend", () => piece.classList.remove("pulse"), { once: true });
  }
}

function choose(quote) {
  for (const one of document.querySelectorAll(".quote.now")) one.classList.remove("now");
  quote.classList.add("now");
  offerMarks();
}

function stepEvidence(by) {
  const quotes = [...(card()?.querySelectorAll(".quote") ?? [])];
  if (!quotes.length) { announce("No evidence on this question."); return; }
  evidence = evidence < 0 && by < 0 ? quotes.length - 1 : (evidence + by + quotes.length) % quotes.length;
  const quote = quotes[evidence];
  choose(quote);
  for (let more = quote.closest("details"); more; more = more.parentElement.closest("details")) more.open = true;
  quote.scrollIntoView({ block: "nearest" });
  jump(quote);
  const letter = quote.closest(".evidence-group").querySelector(".letter").title;
  announce(`${letter}, ${evidence + 1} of ${quotes.length}: ${quote.textContent}`);
}

// --- Selected text as evidence of the current question ---
const markBar = document.getElementById("mark-bar");

function isOpen(of) {
  return Boolean(of?.querySelector(".answer-form"));
}

const chosenQuote = () => card()?.querySelector(".quote.now");

function offerMarks() {
  if (!markBar) return;
  const selected = Boolean(selectedText());
  const offered = isOpen(card()) && (selected || Boolean(chosenQuote()));
  if (offered) {
    document.getElementById("mark-for").textContent = card().querySelector("h3 .code").textContent;
    markBar.querySelector("[data-mark-words]").textContent = selected ? "Mark" : "This evidence";
    markBar.querySelector("[data-remove]").hidden = selected;
  }
  markBar.hidden = !offered;
}

function isAnswered() {
  if (markBar && isOpen(card())) return false;
  announce(`This question is answered. ${taken()}`);
  return true;
}

function mark(label) {
  const of = card();
  if (isAnswered()) return;
  const selected = selectedText();
  if (selected) {
    const s = new URL(of.querySelector(".evidence-link").href).searchParams.getAll("s");
    const { note, start, end, quote } = selected;
    window.getSelection().removeAllRanges();
    send(markBar.dataset.tag, { s, note, start, end, quote, label });
  } else if (chosenQuote()) changeEvidence({ label });
  else {
    const form = fillDialog("words-template");
    for (const value of new URL(of.querySelector(".evidence-link").href).searchParams.getAll("s")) {
      const field = Object.assign(document.createElement("input"), { type: "hidden", name: "s", value });
      form.append(field);
    }
    form.dataset.draft = `words ${current}`; // each question has its own
    restoreDraft(form);
    form.querySelector(`[name=label][value=${label}]`).checked = true;
    form.elements.quote.focus();
    announce("No text is selected. Give its words.");
  }
}

function send(address, values) {
  window.htmx.ajax("POST", address, { target: "#work", swap: "outerHTML", values });
}

function changeEvidence(values) {
  const quote = chosenQuote();
  if (!quote) { announce(withKey("next_evidence", "goes to a piece of evidence.", "Choose a piece of evidence first.")); return; }
  if (!isAnswered()) send(markBar.dataset.change.replace("/0/", `/${quote.dataset.span}/`), values);
}

document.addEventListener("selectionchange", offerMarks);
// A press on a button would take the selection away before the click.
markBar?.addEventListener("mousedown", (event) => event.preventDefault());
markBar?.addEventListener("click", (event) => {
  const button = event.target.closest("[data-mark]");
  if (button) mark(button.dataset.mark);
  if (event.target.closest("[data-remove]")) changeEvidence({ remove: "yes" });
});

// --- Panels: the reason, the code, the words that an answer needs ---
const rows = new WeakMap();

function openPanel(button) {
  closePanel();
  const row = button.closest(".answer-row");
  const panel = document.getElementById(button.dataset.panel).content.firstElementChild.cloneNode(true);
  rows.set(panel, row);
  const proposed = button.closest(".card").dataset.proposed;
  const code = panel.querySelector("[name=icd10]");
  if (code && proposed) {
    code.value = proposed;
    panel.querySelector('[name=reason][value="specificity"]').checked = true;
  }
  nameWhatIsRead(panel, row.closest("form"));
  row.replaceWith(panel);
  restoreDraft(panel);
  const first = code ?? panel.querySelector("[name=reason], [name=comment]");
  first.focus();
  first.select?.();
  panel.scrollIntoView({ block: "nearest" });
}

// A deletion names what was read: the notes of its dates, all of them until one is unticked.
function nameWhatIsRead(panel, form) {
  const choices = panel.querySelector("[data-reads] .row");
  if (!choices) return;
  for (const { dataset } of form.querySelectorAll("[name=s]")) {
    const notes = [...record.querySelectorAll(`.note-text[data-encounter="${dataset.encounter}"]`)];
    const day = Object.assign(document.createElement("span"), { className: "number", textContent: dataset.day });
    for (const note of notes) {
      const label = Object.assign(document.createElement("label"), { className: "choice" });
      const box = Object.assign(document.createElement("input"), { type: "checkbox", name: "read", value: note.dataset.note, checked: true });
      label.append(box, " ", day.cloneNode(true), ` ${note.closest(".note").querySelector(".note-head strong").textContent}`);
      choices.append(label);
    }
    if (!notes.length) {
      const none = Object.assign(document.createElement("span"), { className: "soft" });
      none.append(day, ": no note; say in the comment what was read.");
      choices.append(none);
    }
  }
}

function closePanel({ forget = false } = {}) {
  const panel = document.querySelector(".answer-panel");
  if (panel && forget) forgetDraft(panel);
  else if (panel) shelveDraft(panel);
  // A panel that the server put there brought the buttons that it stands for.
  const row = panel && (rows.get(panel) ?? panel.parentElement.querySelector("template")?.content.firstElementChild.cloneNode(true));
  if (row) panel.replaceWith(row);
  return Boolean(row);
}

function chooseReason(panel, digit) {
  const radio = panel.querySelectorAll("[name=reason]")[digit - 1];
  if (!radio) return;
  radio.checked = true;
  const code = panel.querySelector("[name=icd10]");
  if (code && !code.value.trim()) code.focus();
  else if (radio.value.endsWith("other")) panel.querySelector("[name=comment]").focus();
  else panel.querySelector("[data-send]").click();
}

// --- Keys ---
const taken = () => withKey("undo", "takes the answer back.");

function answerWith(command) {
  const button = card()?.querySelector(`.answer-row [data-command="${command}"]`);
  if (button) { button.click(); return; }
  const open = card() && !card().classList.contains("answered");
  const words = {
    accept: `This code is on the claim already. ${withKey("keep", "keeps it.")}`,
    keep: `This is an addition. ${withKey("accept", "accepts it.")}`,
  };
  announce(open ? words[command] ?? "Not an answer here." : `This question is answered. ${taken()}`);
}

// What each command of coding/keys.py does here.
const COMMANDS = {
  next_question: () => step(1),
  previous_question: () => step(-1),
  next_evidence: () => stepEvidence(1),
  previous_evidence: () => stepEvidence(-1),
  accept: () => answerWith("accept"),
  keep: () => answerWith("keep"),
  refuse: () => answerWith("refuse"),
  change: () => answerWith("change"),
  query: () => answerWith("query"),
  undo: () => (card()?.querySelector(".undo button") ?? document.querySelector("#undo-form button"))?.click(),
  mark_monitor: () => mark("monitor"),
  mark_evaluate: () => mark("evaluate"),
  mark_assess: () => mark("assess"),
  mark_treat: () => mark("treat"),
  remove_evidence: () => changeEvidence({ remove: "yes" }),
  add: () => document.getElementById("add-button")?.click(),
  hold: () => {
    const menu = document.getElementById("hold-menu");
    if (!menu) return;
    menu.open = true;
    menu.querySelector("input[name=reason]").focus();
  },
  finish: () => document.getElementById("finish-button")?.click(),
  find: () => document.getElementById("find")?.focus(),
  help: () => legend.showModal(),
};
const ANSWERS = ["accept", "keep", "refuse", "change", "query"];

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    const menu = document.getElementById("hold-menu");
    if (closePanel()) card()?.focus();
    else if (menu?.open) {
      menu.open = false;
      menu.querySelector("summary").focus();
      shelveDraft(menu.querySelector("[data-draft]"));
    }
    return;
  }
  const panel = event.target.closest?.(".answer-panel");
  if (panel && event.key === "Enter" && !event.defaultPrevented && event.target.matches("input")) {
    // A form's own Enter presses its first button, which need not be this panel's.
    event.preventDefault();
    panel.querySelector("[data-send]").click();
    return;
  }
  const key = shortcut(event);
  if (!key) return;
  const command = commandOf(key, "chart");
  const open = document.querySelector(".answer-panel");
  if (open && /^[1-9]$/.test(key)) {
    event.preventDefault();
    if (tourAllows("reason")) chooseReason(open, Number(key));
  } else if (COMMANDS[command] && tourAllows(command) && !(panel && ANSWERS.includes(command))) {
    event.preventDefault();
    COMMANDS[command]();
    tourTried(command);
  }
});

// --- Pointer ---
document.addEventListener("click", (event) => {
  const target = event.target;
  const quote = target.closest("[data-jump]");
  if (quote) {
    event.preventDefault();
    if (quote.closest(".card")) makeCurrent(quote.closest(".card"));
    if (!quote.matches(".quote")) { jump(quote); return; } // a place of a contradiction is no evidence
    evidence = [...card().querySelectorAll(".quote")].indexOf(quote);
    choose(quote);
    jump(quote);
    return;
  }
  const toPage = target.closest("a[href^='#note-']")?.hash.match(/^#note-(\d+)-page-(\d+)$/);
  if (toPage && viewerOf(toPage[1])?.showsPages()) {
    event.preventDefault();
    viewerOf(toPage[1]).toPage(Number(toPage[2]));
    return;
  }
  const link = target.closest("[data-dialog]");
  if (link && window.htmx && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    makeCurrent(link.closest(".card") ?? card());
    openDialog(link.href);
    return;
  }
  const panelButton = target.closest(".answer-row [data-panel]");
  if (panelButton) {
    event.preventDefault();
    openPanel(panelButton);
    return;
  }
  if (target.closest("[data-cancel]")) {
    const of = target.closest(".card");
    if (closePanel({ forget: true })) of.focus();
    return;
  }
  const finish = target.closest("#finish-form button");
  if (finish?.getAttribute("aria-disabled") === "true") {
    event.preventDefault();
    const open = document.querySelector(".card:not(.answered)");
    const left = finish.closest("[data-open]").dataset.open;
    showProblem(`${left} ${left === "1" ? "question is" : "questions are"} undecided. Answer ${left === "1" ? "it" : "them"} first.`);
    makeCurrent(open, { focus: true });
    return;
  }
  if (target.closest("#undo-form [aria-disabled=true]")) { event.preventDefault(); return; }
  const piece = target.closest(".seg[data-marks]");
  if (piece && window.getSelection().isCollapsed) {
    const owners = marksOf(piece).map(({ owner }) => owner);
    const of = cards().find((one) => one.dataset.owners.split(" ").some((owner) => owners.includes(owner)));
    if (of && of.id !== current) makeCurrent(of, { focus: true });
  }
});

document.addEventListener("focusin", (event) => {
  const of = event.target.closest?.(".card");
  if (of && of.id !== current) makeCurrent(of);
});

// --- After an answer ---
document.addEventListener("answered", (event) => {
  const { focus, say, panel } = event.detail;
  if (dialog?.open) dialog.close();
  evidence = -1;
  announce(say);
  const target = document.getElementById(focus);
  if (target?.classList.contains("card")) {
    makeCurrent(target, { focus: !panel });
    if (panel) target.querySelector(".answer-panel input:not([type=hidden])")?.focus();
  } else target?.focus();
});

// --- The dialog: a code by hand, evidence by its words ---
const dialog = document.getElementById("work-dialog");

async function openDialog(address) {
  await window.htmx.ajax("GET", address, { target: dialog, swap: "innerHTML" });
  if (!dialog.open) dialog.showModal();
  return dialog;
}

// At once, so that no key is lost that follows: its form came with the page.
function fillDialog(template) {
  dialog.replaceChildren(document.getElementById(template).content.cloneNode(true));
  window.htmx.process(dialog);
  dialog.showModal();
  return dialog.querySelector("form");
}

const addButton = document.getElementById("add-button");
addButton?.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || !window.htmx) return;
  event.preventDefault();
  const selected = selectedText();
  const form = fillDialog("add-template");
  const code = form.elements.icd10;
  if (!selected) restoreDraft(form);
  code.focus();
  if (!selected) return;
  for (const name of ["note", "start", "end", "quote"]) form.elements[name].value = selected[name];
  form.elements.encounter.value = selected.encounter;
  if (selected.quote.length > 60) return;
  code.value = selected.quote; // the words are looked up at once; typing goes over them
  code.select();
  code.dispatchEvent(new Event("input", { bubbles: true }));
});
// A code is chosen: what the text shows comes next. A digit says it, Enter sends.
dialog?.addEventListener("chosen", () => dialog.querySelector("[name=label]:checked")?.focus());
dialog?.addEventListener("keydown", (event) => {
  if (!event.target.matches("[name=label]") || !/^[1-4]$/.test(event.key) || !areOn()) return;
  const radio = event.target.form.querySelectorAll("[name=label]")[Number(event.key) - 1];
  radio.checked = true;
  radio.focus();
});
dialog?.addEventListener("input", (event) => {
  // Words that were typed over are found by the server; the selection's place no longer holds.
  if (event.target.matches("#add-quote")) for (const name of ["note", "start", "end"]) event.target.form.elements[name].value = "";
});
dialog?.addEventListener("click", (event) => {
  if (!event.target.closest("[data-close]")) return;
  event.preventDefault();
  for (const form of dialog.querySelectorAll("[data-draft]")) forgetDraft(form);
  dialog.close();
});
// Escape closes it, too, perhaps by accident.
dialog?.addEventListener("cancel", () => {
  for (const form of dialog.querySelectorAll("[data-draft]")) shelveDraft(form);
});

// --- The chart stays with whoever works on it: the page says so while something is done, not while it stands open ---
if (panes.dataset.here) {
  let active = false;
  for (const name of ["pointermove", "keydown", "wheel", "touchstart"]) document.addEventListener(name, () => { active = true; }, { passive: true });
  const timer = setInterval(async () => {
    if (!active) return;
    active = false;
    const answer = await fetch(panes.dataset.here, { method: "POST", headers: { "X-CSRFToken": csrfToken() }, redirect: "manual" }).catch(() => null);
    if (answer?.status === 204) document.dispatchEvent(new Event("session:renewed"));
    if (answer?.status !== 409) return;
    clearInterval(timer);
    showProblem("This chart is not yours any more: it was given back, or to somebody else. Your answers are stored. Load the page again.");
  }, 60000);
}

// --- Legend, suppressed mentions, the border between the panes ---
document.getElementById("tour-button")?.addEventListener("click", () => { legend.close(); startTour(); });
document.getElementById("legend-button").addEventListener("click", () => legend.showModal());
document.getElementById("shortcuts-form").addEventListener("change", (event) => {
  document.body.dataset.shortcuts = event.target.checked ? "on" : "off";
});

const suppressed = document.getElementById("suppressed-button");
suppressed?.addEventListener("click", () => {
  const on = record.classList.toggle("show-suppressed");
  suppressed.setAttribute("aria-pressed", String(on));
});

const splitter = document.querySelector(".splitter");
function setWidth(percent) {
  const width = Math.min(75, Math.max(35, Math.round(percent)));
  panes.style.setProperty("--record", `${width}%`);
  splitter.setAttribute("aria-valuenow", String(width));
  localStorage.setItem("record-width", String(width));
}
if (localStorage.getItem("record-width")) setWidth(Number(localStorage.getItem("record-width")));
splitter.addEventListener("keydown", (event) => {
  const now = Number(splitter.getAttribute("aria-valuenow"));
  const to = { ArrowLeft: now - 2, ArrowRight: now + 2, Home: 0, End: 100 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  setWidth(to);
});
splitter.addEventListener("pointerdown", (event) => {
  splitter.setPointerCapture(event.pointerId);
  const move = (moved) => {
    const box = panes.getBoundingClientRect();
    setWidth(((moved.clientX - box.left) / box.width) * 100);
  };
  splitter.addEventListener("pointermove", move);
  splitter.addEventListener("pointerup", () => splitter.removeEventListener("pointermove", move), { once: true });
});

preparePdfs(record);
prepareFind(record);
// What stood open when the page was left is open again, with its words.
for (const draft of openDrafts()) {
  if (draft === "add") addButton?.click();
  const button = [...document.querySelectorAll(".answer-row [data-panel]")].find(
    (one) => draft === keyOf(document.getElementById(one.dataset.panel).content.firstElementChild, one.form),
  );
  if (button) {
    makeCurrent(button.closest(".card"));
    openPanel(button);
  }
}
const asked = document.querySelector(location.hash.startsWith("#card-") ? location.hash : ".card.returned, .card:not(.answered)");
if (!document.querySelector(".answer-panel")) makeCurrent(asked, { focus: location.hash.startsWith("#card-") });
