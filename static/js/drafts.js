// Words typed into an answer outlive a reload, a log-in in the same tab, a browser that goes back. They stay in this tab's own
// storage, for the person who typed them, until the answer is stored or the person logs out; a closed tab forgets them.
import { announce } from "./say.js";

const PLACE = `draft:${location.pathname}`;

export function keepDrafts(person, { open }) {
  document.addEventListener("input", (event) => {
    const panel = event.target.closest(".answer-panel");
    if (!panel) return;
    const fields = Object.fromEntries([...new FormData(panel.closest("form"))].filter(([name]) => ["icd10", "reason", "comment"].includes(name)));
    const draft = { person, card: panel.closest(".card").id, outcome: panel.dataset.outcome, fields };
    sessionStorage.setItem(PLACE, JSON.stringify(draft));
  });
  // A refusal puts the panel back with all that was typed; what was stored, or given up with Escape, is no draft.
  const forget = () => { if (!document.querySelector(".answer-panel")) sessionStorage.removeItem(PLACE); };
  document.addEventListener("answered", () => setTimeout(forget));
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") setTimeout(forget); });
  document.addEventListener("click", (event) => { if (event.target.closest("[data-cancel]")) setTimeout(forget); });
  restore(person, open);
}

function restore(person, open) {
  const draft = JSON.parse(sessionStorage.getItem(PLACE) ?? "null");
  if (!draft) return;
  const of = document.getElementById(draft.card);
  const panel = draft.person === person && of ? open(draft.outcome, of) : null;
  if (!panel) { // another person, or answered meanwhile
    sessionStorage.removeItem(PLACE);
    return;
  }
  for (const [name, value] of Object.entries(draft.fields)) {
    const field = name === "reason" ? panel.querySelector(`[name=reason][value="${CSS.escape(value)}"]`) : panel.querySelector(`[name=${name}]`);
    if (!field) continue;
    if (name === "reason") field.checked = true;
    else field.value = value;
  }
  announce("What you had typed here is back.");
}
