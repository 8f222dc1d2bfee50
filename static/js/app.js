// What every page does: the theme switch, forms sent once, refusals shown beside the work, the session's end announced.
import { announce, csrfToken, showProblem } from "./say.js";
import "./drafts.js";

// --- Theme: the cookie is what the server reads; the attribute changes this page at once ---
for (const form of document.querySelectorAll("[data-theme-form]")) {
  form.addEventListener("change", (event) => {
    const theme = event.target.value;
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `theme=${theme}; Path=/; SameSite=Strict; Max-Age=${theme ? 34560000 : 0}${secure}`;
    if (theme) document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
    document.getElementById("contrast").media = theme === "contrast" ? "all" : "(prefers-contrast: more)";
    for (const select of document.querySelectorAll("[data-theme-form] select")) select.value = theme;
  });
}

// --- Forms ---
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit-on-change]")) event.target.form.requestSubmit();
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.confirm && !window.confirm(form.dataset.confirm)) {
    event.preventDefault();
    return;
  }
  if (form.method !== "post" || form.closest("[hx-boost]") || [...form.attributes].some((a) => a.name.startsWith("hx-"))) return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
});

// A page that comes back from the back button may be sent again.
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

// --- htmx ---
// The token changes at log-in, perhaps in another tab; the cookie always has the current one.
document.addEventListener("htmx:configRequest", (event) => {
  const token = csrfToken();
  if (!token) return;
  event.detail.headers["X-CSRFToken"] = token;
  event.detail.parameters.delete?.("csrfmiddlewaretoken");
});

document.addEventListener("htmx:responseError", (event) => {
  const { status, responseText } = event.detail.xhr;
  if (status === 401) {
    showProblem("You were logged out. Nothing that you typed is lost: log in in another tab, then send it again.", { href: "/log-in/", text: "Log in" });
  } else if (status === 403 && responseText.length < 400 && !responseText.includes("<")) {
    showProblem(responseText);
  } else {
    showProblem(`The server could not do this (${status}). Nothing was changed. Load the page again.`);
  }
});

// An answer that the server did not get waits here, and goes out when it answers again. One that it did get, while its
// acknowledgement was lost, is recognised there: the same answer twice is one.
const WAIT = 3000; // ms between two tries
const unsent = [];
let trying;

for (const name of ["htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(name, (event) => {
    const { verb, path, formData } = event.detail.requestConfig;
    const target = event.detail.target?.id;
    if (verb !== "post" || target !== "work") {
      showProblem("The server cannot be reached. Nothing was changed; try again in a moment.");
      return;
    }
    const values = {};
    for (const key of new Set(formData.keys())) values[key] = formData.getAll(key);
    if (!event.detail.requestConfig.headers["X-Retry"]) unsent.push({ path, values });
    showProblem(`The server cannot be reached. ${unsent.length === 1 ? "Your answer waits" : `${unsent.length} answers wait`} here, and will be sent as soon as it answers. Leave this page open.`);
    clearTimeout(trying);
    trying = setTimeout(sendAgain, WAIT);
  });
}

async function sendAgain() {
  while (unsent.length) {
    const { path, values } = unsent[0];
    let reached = false;
    const seen = (event) => { reached ||= event.detail.xhr.status > 0; };
    document.addEventListener("htmx:afterRequest", seen);
    await window.htmx.ajax("POST", path, { target: "#work", swap: "outerHTML", values, headers: { "X-Retry": "yes" } }).catch(() => {});
    document.removeEventListener("htmx:afterRequest", seen);
    if (!reached) return; // its own error has set the next try
    unsent.shift();
    if (!unsent.length) document.getElementById("problem-box")?.remove();
  }
}

window.addEventListener("online", sendAgain);
window.addEventListener("beforeunload", (event) => { if (unsent.length) event.preventDefault(); });

document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.successful && !unsent.length) document.getElementById("problem-box")?.remove();
});

document.addEventListener("said", (event) => announce(event.detail.say));
// What was unfolded stays so when its part of the page comes again: details that have an id.
let unfolded = [];
document.addEventListener("htmx:beforeSwap", (event) => {
  unfolded = [...event.detail.target.querySelectorAll("details[id][open]")].map((one) => one.id);
});
document.addEventListener("htmx:afterSettle", () => {
  for (const id of unfolded.splice(0)) document.getElementById(id)?.setAttribute("open", "");
});

// Who logs out leaves nothing of a chart in the tab.
document.addEventListener("submit", (event) => {
  if (new URL(event.target.action, location.href).pathname === "/log-out/") sessionStorage.clear();
});

// --- The session's end ---
const seconds = Number(document.body.dataset.sessionSeconds);
const dialog = document.getElementById("session-dialog");
if (seconds && dialog) {
  const WARNING = 120;
  const last = Date.now() + Number(document.body.dataset.sessionLeft) * 1000; // however busy
  let ends;
  const renew = () => { ends = Math.min(Date.now() + seconds * 1000, last); };
  renew();
  document.addEventListener("htmx:afterRequest", (event) => { if (event.detail.successful) renew(); });
  document.addEventListener("session:renewed", renew);
  const words = dialog.querySelector("[data-session-left]");
  setInterval(() => {
    const left = Math.round((ends - Date.now()) / 1000);
    if (left > WARNING) return;
    if (!dialog.open && left > 0 && !dialog.dataset.said) {
      const isLast = ends === last;
      dialog.querySelector("[data-session-idle]").hidden = isLast;
      dialog.querySelector("[data-session-last]").hidden = !isLast;
      if (isLast) dialog.dataset.said = "yes"; // nothing can be done about it: said once
      dialog.showModal();
    }
    if (left > 0) words.textContent = left > 60 ? "2 minutes" : `${left} seconds`;
    else if (dialog.open || dialog.dataset.said === "yes") {
      dialog.dataset.said = "over";
      dialog.close();
      showProblem("You were logged out. Nothing that you typed is lost: log in in another tab, then go on here.", { href: "/log-in/", text: "Log in" });
    }
  }, 5000);
  dialog.addEventListener("close", async () => {
    if (Date.now() > ends) return;
    const answer = await fetch(document.body.dataset.stay, { method: "POST", headers: { "X-CSRFToken": csrfToken() }, redirect: "manual" });
    if (answer.status === 204) renew();
  });
}

// --- Print ---
for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
