// ICD-10-CM codes while typing: a combobox after the ARIA pattern. Works in fields that arrive later, too.
const WAIT = 120; // ms after the last key

function parts(input) {
  const box = input.closest("[data-codesearch]");
  return { url: box.dataset.codesearch, list: box.querySelector("[role=listbox]") };
}

function show(input, results) {
  const { list } = parts(input);
  list.replaceChildren(...results.map(({ code, title }, index) => {
    const item = document.createElement("li");
    item.id = `${list.id}-${index}`;
    item.setAttribute("role", "option");
    item.setAttribute("aria-selected", "false");
    item.dataset.code = code;
    const strong = document.createElement("span");
    strong.className = "code";
    strong.textContent = code;
    item.append(strong, title);
    return item;
  }));
  list.hidden = results.length === 0;
  input.setAttribute("aria-expanded", String(!list.hidden));
  input.removeAttribute("aria-activedescendant");
}

function isCode(words) {
  return /^[a-z][0-9][0-9a-z][.]?[0-9a-z]{0,4}$/i.test(words.trim());
}

function choose(input, item) {
  input.value = item.dataset.code;
  show(input, []);
  input.focus();
  input.dispatchEvent(new CustomEvent("chosen", { bubbles: true }));
}

function activate(input, step) {
  const items = [...parts(input).list.children];
  if (!items.length) return;
  const at = items.findIndex((item) => item.getAttribute("aria-selected") === "true");
  const next = items[(at + step + items.length) % items.length];
  for (const item of items) item.setAttribute("aria-selected", String(item === next));
  input.setAttribute("aria-activedescendant", next.id);
  next.scrollIntoView({ block: "nearest" });
}

let timer;
let asked = 0;
document.addEventListener("input", (event) => {
  const input = event.target;
  if (!input.matches("[data-codesearch] input")) return;
  clearTimeout(timer);
  timer = setTimeout(async () => {
    const words = input.value.trim();
    const number = ++asked;
    if (words.length < 2) { show(input, []); return; }
    const answer = await fetch(`${parts(input).url}?q=${encodeURIComponent(words)}`, { headers: { Accept: "application/json" } });
    if (!answer.ok || number !== asked || answer.redirected) return;
    show(input, (await answer.json()).results);
  }, WAIT);
});

document.addEventListener("keydown", (event) => {
  const input = event.target;
  if (!input.matches?.("[data-codesearch] input")) return;
  const { list } = parts(input);
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    activate(input, event.key === "ArrowDown" ? 1 : -1);
  } else if (event.key === "Enter" && !list.hidden) {
    // Words are not a code: Enter takes the first that was found. A whole code goes as it was typed.
    const item = list.querySelector('[aria-selected="true"]') ?? (isCode(input.value) ? null : list.firstElementChild);
    if (item) {
      event.preventDefault();
      choose(input, item);
    } else show(input, []);
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
  choose(item.closest("[data-codesearch]").querySelector("input"), item);
});

document.addEventListener("focusout", (event) => {
  if (event.target.matches?.("[data-codesearch] input")) show(event.target, []);
});
