// The tour: five steps over the page as it is, not over pictures of it. The keys that a step is about work while it is
// open, so that it is tried; where answers count (any project but the demo), those that answer wait until it is over.
import { announce, csrfToken } from "./say.js";

const LOOKING = ["next_question", "previous_question", "next_evidence", "previous_evidence"];
const PRACTISED = ["accept", "keep", "refuse", "undo"];

const tour = document.getElementById("tour");
const steps = [...(document.getElementById("tour-steps")?.content.children ?? [])];
const shown = tour?.querySelector("[data-tour-step]");
const next = tour?.querySelector("[data-tour=next]");
const practice = tour?.dataset.practice === "yes";
let at = 0;
let spot;

// Whether a command, or the digit of a reason, may act now: always, but for the tour's limits.
export function tourAllows(command) {
  return !tour?.open || LOOKING.includes(command) || (practice && (command === "reason" || PRACTISED.includes(command)));
}

export function startTour() {
  if (!tour || tour.open) return;
  spot = Object.assign(document.createElement("div"), { className: "tour-spot" });
  document.body.append(spot);
  tour.showModal();
  show(0);
  follow();
}

function show(number) {
  at = number;
  shown.replaceChildren(steps[at].cloneNode(true));
  tour.querySelector("[data-tour-at]").textContent = String(at + 1);
  tour.querySelector("[data-tour=back]").disabled = at === 0;
  next.textContent = at + 1 < steps.length ? "Next" : "Done";
  next.focus();
  target()?.scrollIntoView({ block: "nearest" });
}

function target() {
  return steps[at].dataset.target.split("|").map((one) => document.querySelector(one)).find((one) => one?.checkVisibility());
}

// The light stays on its part of the page while answers change it and panes scroll, and the words stay off it.
function follow() {
  if (!tour.open) return;
  const part = target();
  spot.hidden = !part;
  if (part) {
    // Of the part what is in sight: in its pane, and in the window.
    const boxes = [part, part.parentElement.closest(".pane")].filter(Boolean).map((one) => one.getBoundingClientRect());
    const most = (side) => Math.max(4, ...boxes.map((box) => box[side]));
    const least = (side, end) => Math.min(end - 4, ...boxes.map((box) => box[side]));
    const edges = { left: most("left"), top: most("top"), right: least("right", innerWidth), bottom: least("bottom", innerHeight) };
    const style = { left: edges.left, top: edges.top, width: edges.right - edges.left, height: edges.bottom - edges.top };
    for (const [name, value] of Object.entries(style)) spot.style[name] = `${Math.max(value, 0)}px`;
    tour.dataset.side = edges.left + edges.right > innerWidth ? "left" : "right";
    tour.dataset.end = edges.top + edges.bottom > innerHeight ? "top" : "bottom";
  }
  requestAnimationFrame(follow);
}

// A command that the step is about was given.
export function tourTried(what) {
  const said = tour?.open && steps[at].dataset.try.split(" ").includes(what) && shown.querySelector("[data-tour-tried]");
  if (said) said.hidden = false;
}

tour?.addEventListener("click", (event) => {
  const what = event.target.closest("[data-tour]")?.dataset.tour;
  if (what === "back") show(at - 1);
  if (what === "leave" || (what === "next" && at + 1 === steps.length)) tour.close();
  else if (what === "next") show(at + 1);
});

// The focus goes round inside: Tab never leads behind the tour.
tour?.addEventListener("keydown", (event) => {
  if (event.key !== "Tab") return;
  const stops = [...tour.querySelectorAll("button:not([disabled]), a[href]")];
  const end = event.shiftKey ? stops[0] : stops.at(-1);
  if (document.activeElement !== end && tour.contains(document.activeElement)) return;
  event.preventDefault();
  (event.shiftKey ? stops.at(-1) : stops[0]).focus();
});

tour?.addEventListener("close", () => {
  spot.remove();
  (document.querySelector(".card.current") ?? document.getElementById("record")).focus();
  announce("The tour is over. It starts again from the list of keys.");
  fetch(tour.dataset.seen, { method: "POST", headers: { "X-CSRFToken": csrfToken() }, body: new URLSearchParams({ seen: "yes" }) });
});

document.addEventListener("answered", () => tourTried("answered"));
if (tour?.dataset.start) startTour();
