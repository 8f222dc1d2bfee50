// The pages of PDF notes. pdf.js paints them; over each lie the words that the server took from the file, at the places
// where it found them, so that evidence, search and selection are those of the note's text, code point by code point.
// A page is painted when it comes near, and given up when it is far: 500 pages cost no more than five.
import { announce, showProblem } from "./say.js";

const NEAR = "120% 0px"; // of the pane's height, above and below
const SHARPEST = 2; // device pixels for one of the page: more costs memory and shows nothing
const ZOOMS = [50, 67, 80, 100, 125, 150, 200, 300]; // percent of the pane's width
const UNITS = 10000; // the server's, of a page's width and height
const GLYPH = 0.85; // of the height of a word's box, as the size of its font

const ruler = document.createElement("canvas").getContext("2d");
ruler.font = "100px sans-serif";
const viewers = new Map(); // by note id

export const viewerOf = (note) => viewers.get(note);

export function preparePdfs(record) {
  for (const box of record.querySelectorAll(".pdf")) viewers.set(box.dataset.note, viewer(box, record));
  if (!viewers.size) return;
  // htmx puts another text in place of a note's when its marks have changed.
  document.addEventListener("htmx:oobAfterSwap", (event) => viewers.get(event.detail.target?.dataset?.note)?.redraw());
}

let library = null;
function pdfjs({ library: address, worker }) {
  library ??= import(address).then((module) => {
    module.GlobalWorkerOptions.workerSrc = worker;
    return module;
  });
  return library;
}

// One request at a time: the first of a document opens it, and those that follow find it open.
let turn = Promise.resolve();
function inTurn(ask) {
  turn = turn.then(ask, ask);
  return turn;
}

const points = (text) => [...text];

// The first of a sorted list for which the test holds, or its length.
function firstOf(list, test) {
  let low = 0;
  for (let high = list.length; low < high;) {
    const middle = (low + high) >> 1;
    if (test(list[middle])) high = middle;
    else low = middle + 1;
  }
  return low;
}

function viewer(box, record) {
  const note = box.dataset.note;
  const stack = box.querySelector(".pdf-pages");
  const thumbs = box.querySelector(".pdf-thumbs");
  const starts = box.dataset.starts.split(" ").map(Number); // of the pages in the note's text
  const pageInput = box.querySelector("[name=page]");
  const pages = [];
  const noteText = () => document.getElementById(`text-${note}`);
  let file = null; // the promise of pdf.js's document
  let marks = null;
  let zoom = Number(localStorage.getItem("pdf-zoom")) || 100;

  // --- The file ---
  function open() {
    file ??= inTurn(() => pdfjs(box.dataset)).then((module) => module.getDocument({
      url: box.dataset.file,
      disableAutoFetch: true, // of a long file only what the pages in sight need
      disableStream: true,
      useSystemFonts: false, // the same on every machine
      standardFontDataUrl: box.dataset.fonts,
      wasmUrl: box.dataset.wasm,
      enableXfa: false,
    }).promise).catch((error) => {
      file = null;
      showAs(true);
      showProblem("The pages of this document cannot be shown. Its text is.");
      throw error;
    });
    return file;
  }

  // --- Pages: placeholders of the right size at once, so that every place is known before anything is painted ---
  let number = 0;
  for (const run of box.dataset.sizes.split(" ")) {
    const [width, height, count] = run.split("x").map(Number);
    for (let i = 0; i < count; i += 1) {
      number += 1;
      const element = document.createElement("div");
      element.className = "pdf-page";
      element.id = `pdf-${note}-page-${number}`;
      element.dataset.page = number;
      element.tabIndex = -1;
      element.setAttribute("role", "group");
      element.setAttribute("aria-label", `Page ${number}`);
      element.style.aspectRatio = `${width} / ${height}`;
      pages.push({ number, width, height, element, canvas: null, task: null, layer: null, data: null });
    }
  }
  stack.append(...pages.map(({ element }) => element));
  for (const unread of box.dataset.unread.split(" ").filter(Boolean)) {
    const { element } = pages[Number(unread) - 1];
    element.classList.add("unread");
    const words = document.createElement("p");
    words.className = "pdf-unread";
    words.textContent = `Page ${unread}: no text, not read by the rules. Read it yourself.`;
    element.before(words);
  }

  const scrolls = window.matchMedia("(min-width: 64rem)"); // the pane does; else the window
  let nearby = null;
  let inSight = null;
  function watch() {
    nearby?.disconnect();
    inSight?.disconnect();
    const root = scrolls.matches ? record : null;
    nearby = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        const page = pages[target.dataset.page - 1];
        if (isIntersecting) show(page);
        else giveUp(page);
      }
    }, { root, rootMargin: NEAR });
    inSight = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) if (isIntersecting) tell(Number(target.dataset.page));
    }, { root, rootMargin: "-45% 0px" });
    for (const { element } of pages) {
      nearby.observe(element);
      inSight.observe(element);
    }
  }
  scrolls.addEventListener("change", watch);

  function tell(current) {
    if (document.activeElement !== pageInput) pageInput.value = current;
    thumbs.querySelector("[aria-current]")?.removeAttribute("aria-current");
    const thumb = thumbs.children[current - 1]?.firstElementChild;
    if (!thumb) return;
    thumb.setAttribute("aria-current", "true");
    // Not scrollIntoView: it would move the record too.
    const at = thumb.parentElement.offsetTop;
    if (at < thumbs.scrollTop || at + thumb.offsetHeight > thumbs.scrollTop + thumbs.clientHeight) thumbs.scrollTop = at - thumbs.clientHeight / 2;
  }

  async function show(page) {
    page.near = true;
    const layer = layerOf(page, { needed: () => page.near }).catch(() => {});
    const width = Math.round(page.element.clientWidth * Math.min(window.devicePixelRatio || 1, SHARPEST));
    if (!width || page.canvas?.width === width || page.task) return;
    page.task = "waits";
    try {
      await layer;
      const shown = await (await open()).getPage(page.number);
      if (!page.near) return;
      const viewport = shown.getViewport({ scale: width / shown.getViewport({ scale: 1 }).width });
      const canvas = document.createElement("canvas");
      canvas.width = width;
      canvas.height = Math.round(viewport.height);
      canvas.setAttribute("aria-hidden", "true");
      page.task = shown.render({ canvas, viewport });
      await page.task.promise;
      if (!page.near) return;
      if (page.canvas) page.canvas.replaceWith(canvas);
      else page.element.prepend(canvas);
      page.canvas = canvas;
      page.element.classList.add("painted");
    } catch (error) {
      if (error?.name !== "RenderingCancelledException") page.element.classList.add("broken");
    } finally {
      page.task = null;
    }
  }

  function giveUp(page) {
    page.near = false;
    page.task?.cancel?.();
    if (page.canvas) {
      page.canvas.width = 0; // gives the memory back at once
      page.canvas.remove();
      page.canvas = null;
      page.element.classList.remove("painted");
    }
    const selected = window.getSelection();
    if (page.layer && !(selected.rangeCount && page.layer.contains(selected.anchorNode))) {
      page.layer.remove();
      page.layer = null;
    }
  }

  // --- Words: the note's own marks, over the words of the page ---
  function marksOf() {
    if (marks) return marks;
    const pieces = [...noteText().querySelectorAll(".seg")].map((piece) => ({ piece, start: Number(piece.dataset.start) }));
    marks = pieces.map((one, at) => ({ ...one, end: pieces[at + 1]?.start ?? Infinity }));
    return marks;
  }

  async function dataOf(page, needed) {
    page.data ??= inTurn(async () => {
      if (!needed()) throw new Error(`page ${page.number} is out of sight again`);
      const response = await fetch(`${box.dataset.file}${page.number}/`, { headers: { Accept: "application/json" } });
      if (!response.ok) throw new Error(`page ${page.number}: ${response.status}`);
      const data = await response.json();
      return { ...data, points: points(data.text) };
    });
    try {
      return await page.data;
    } catch (error) {
      page.data = null;
      throw error;
    }
  }

  async function layerOf(page, { needed = () => true } = {}) {
    const data = await dataOf(page, needed);
    if (page.layer) return page.layer;
    const layer = document.createElement("div");
    layer.className = "pdf-text";
    layer.lang = "en";
    layer.dataset.note = note;
    layer.dataset.encounter = box.dataset.encounter;
    layer.dataset.base = data.start;
    const end = data.start + data.points.length;
    const found = marksOf();
    for (let at = firstOf(found, (mark) => mark.end > data.start); at < found.length && found[at].start < end; at += 1) {
      const { piece, start, end: stop } = found[at];
      const seg = document.createElement("span");
      seg.className = piece.className;
      for (const name of ["marks", "letters", "rest"]) if (piece.dataset[name]) seg.dataset[name] = piece.dataset[name];
      const from = Math.max(start, data.start) - data.start;
      seg.dataset.start = data.start + from;
      fill(seg, page, data, from, Math.min(stop, end) - data.start);
      layer.append(seg);
    }
    const rest = document.createElement("div"); // catches a selection that is dragged beside the words
    rest.className = "pdf-rest";
    layer.append(rest);
    page.layer = layer;
    page.element.append(layer);
    layer.dispatchEvent(new CustomEvent("pdf-layer", { bubbles: true }));
    return layer;
  }

  // The text from `from` to `to` into `seg`: each word an element at its place, what stands between as plain text. A gap
  // inside the line belongs to the word before it, so that a mark has no holes.
  function fill(seg, page, data, from, to) {
    const text = (start, stop) => data.points.slice(start, stop).join("");
    let done = from;
    for (let at = firstOf(data.words, (word) => word[1] > from); at < data.words.length && data.words[at][0] < to; at += 1) {
      const [start, stop, left, top, right, bottom] = data.words[at];
      const following = data.words[at + 1];
      const wide = (right - left) / (stop - start); // a span may begin or end inside a word: in proportion, then
      const begin = Math.max(start, from);
      let finish = Math.min(stop, to);
      const x = left + wide * (begin - start);
      let until = left + wide * (finish - start);
      const gap = following ? (following[2] - right) * page.width : -1;
      if (following?.[0] < to && following[3] < bottom && gap >= 0 && gap < (bottom - top) * page.height) [finish, , until] = following;
      if (begin > done) seg.append(text(done, begin));
      const element = document.createElement("span");
      element.className = "w";
      element.textContent = text(begin, finish);
      const size = (bottom - top) * GLYPH;
      const natural = (ruler.measureText(element.textContent).width / 100) * (size / UNITS) * page.height;
      element.style.left = `${x / 100}%`;
      element.style.top = `${top / 100}%`;
      element.style.fontSize = `${size / 100}cqh`;
      if (natural) element.style.transform = `scaleX(${(((until - x) / UNITS) * page.width) / natural})`;
      if (!seg.firstElementChild) { // where the letters of the evidence stand
        seg.style.setProperty("--x", `${x / 100}%`);
        seg.style.setProperty("--y", `${top / 100}%`);
      }
      seg.append(element);
      done = finish;
    }
    if (to > done) seg.append(text(done, to));
  }

  function pageAt(offset) {
    return pages[Math.max(0, firstOf(starts, (start) => start > offset) - 1)];
  }

  // --- What others ask ---
  const showsPages = () => !box.classList.contains("as-text");

  // The words of a span, at their places; the page itself where none of them has one.
  async function reveal(start, end) {
    const page = pageAt(start);
    const layer = await layerOf(page);
    const found = [...layer.querySelectorAll(".seg")].filter((seg) => Number(seg.dataset.start) >= start && Number(seg.dataset.start) < end);
    const words = found.flatMap((seg) => [...seg.querySelectorAll(".w")]);
    return words.length ? words : [page.element];
  }

  async function rangeOf(start, end) {
    const page = pageAt(start);
    const layer = await layerOf(page);
    const range = new Range();
    range.setStart(...pointIn(layer, start - Number(layer.dataset.base)));
    range.setEnd(...pointIn(layer, end - Number(layer.dataset.base)));
    return range;
  }

  function redraw() {
    marks = null;
    noteText().hidden = showsPages();
    for (const page of pages.filter(({ layer }) => layer)) {
      page.layer.remove();
      page.layer = null;
      if (page.near) layerOf(page).catch(() => {});
    }
    for (const page of pages) count(page);
  }

  // --- Thumbnails: with how much evidence each page has ---
  const painting = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      painting.unobserve(target);
      paintThumb(pages[target.dataset.page - 1], target.querySelector("canvas")).catch(() => {});
    }
  }, { root: thumbs, rootMargin: "50% 0px" });

  async function paintThumb(page, canvas) {
    const shown = await (await open()).getPage(page.number);
    const viewport = shown.getViewport({ scale: 160 / shown.getViewport({ scale: 1 }).width });
    canvas.width = Math.round(viewport.width);
    canvas.height = Math.round(viewport.height);
    await shown.render({ canvas, viewport }).promise;
  }

  function count(page) {
    const thumb = thumbs.children[page.number - 1]?.firstElementChild;
    if (!thumb) return;
    const [from, to] = [starts[page.number - 1], starts[page.number] ?? Infinity];
    const pieces = marksOf().filter(({ piece, start }) => start >= from && start < to && piece.dataset.marks?.includes("+")).length;
    const state = page.element.classList.contains("unread") ? "not read" : pieces ? `${pieces} marked` : "";
    thumb.lastElementChild.textContent = `${page.number}${state ? ` · ${state}` : ""}`;
  }

  function makeThumbs() {
    if (thumbs.children.length) return;
    for (const page of pages) {
      const item = document.createElement("li");
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.page = page.number;
      const canvas = document.createElement("canvas");
      canvas.setAttribute("aria-hidden", "true");
      canvas.style.aspectRatio = `${page.width} / ${page.height}`;
      const words = document.createElement("span");
      button.append(canvas, words);
      item.append(button);
      thumbs.append(item);
      count(page);
      painting.observe(button);
    }
  }

  // --- The bar ---
  const thumbsButton = box.querySelector("[data-thumbs]");
  function showThumbs(on) {
    if (on) makeThumbs();
    thumbs.hidden = !on;
    thumbsButton.setAttribute("aria-pressed", String(on));
    localStorage.setItem("pdf-thumbs", on ? "on" : "off");
    tell(Number(pageInput.value));
  }

  function showAs(text) {
    box.classList.toggle("as-text", text);
    noteText().hidden = !text;
    for (const button of box.querySelectorAll("[data-view]")) button.setAttribute("aria-pressed", String((button.dataset.view === "text") === text));
  }

  function setZoom(percent) {
    zoom = percent;
    stack.style.setProperty("--zoom", `${zoom}%`);
    if (zoom > 100) stack.tabIndex = 0; // it scrolls sideways
    else stack.removeAttribute("tabindex");
    box.querySelector("[data-zoom-now]").textContent = `${zoom} %`;
    localStorage.setItem("pdf-zoom", String(zoom));
    for (const page of pages.filter(({ near }) => near)) show(page);
  }

  function toPage(wanted) {
    const page = pages[Math.min(Math.max(1, wanted), pages.length) - 1];
    if (showsPages()) page.element.scrollIntoView({ block: "start" });
    else document.getElementById(`note-${note}-page-${page.number}`)?.scrollIntoView({ block: "start" });
    pageInput.value = page.number;
    announce(`Page ${page.number} of ${pages.length}${page.element.classList.contains("unread") ? ", not read by the rules" : ""}`);
  }

  box.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.view) {
      const current = Number(pageInput.value);
      localStorage.setItem("pdf-view", button.dataset.view);
      showAs(button.dataset.view === "text");
      toPage(current);
    } else if (button.dataset.zoom) {
      const at = ZOOMS.findIndex((one) => one >= zoom);
      const current = Number(pageInput.value);
      setZoom(ZOOMS[Math.min(Math.max(0, (at < 0 ? ZOOMS.length : at) + Number(button.dataset.zoom)), ZOOMS.length - 1)]);
      toPage(current);
    } else if (button.dataset.turn) toPage(Number(pageInput.value) + Number(button.dataset.turn));
    else if (button === thumbsButton) showThumbs(thumbs.hidden);
    else if (button.dataset.page) toPage(Number(button.dataset.page));
  });
  pageInput.addEventListener("change", () => toPage(Number(pageInput.value) || 1));
  pageInput.addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); pageInput.blur(); } });

  // A drag that leaves the words would otherwise take the whole page with it.
  stack.addEventListener("mousedown", (event) => event.target.closest(".pdf-text")?.classList.add("selecting"));
  document.addEventListener("mouseup", () => { for (const one of stack.querySelectorAll(".selecting")) one.classList.remove("selecting"); });

  box.hidden = false;
  showAs(localStorage.getItem("pdf-view") === "text");
  setZoom(zoom);
  watch();
  if (localStorage.getItem("pdf-thumbs") === "on" && scrolls.matches) showThumbs(true);
  let width = 0;
  new ResizeObserver(() => {
    if (Math.abs(stack.clientWidth - width) < 2) return;
    width = stack.clientWidth;
    for (const page of pages.filter(({ near }) => near)) show(page);
  }).observe(stack);

  return { box, showsPages, reveal, rangeOf, redraw, toPage };
}

// The place in a layer's text nodes after `offset` code points.
function pointIn(layer, offset) {
  const walker = document.createTreeWalker(layer, NodeFilter.SHOW_TEXT);
  let left = offset;
  let node = null;
  while (walker.nextNode()) {
    node = walker.currentNode;
    const inside = points(node.data);
    if (left <= inside.length) return [node, inside.slice(0, left).join("").length];
    left -= inside.length;
  }
  return [node, node.data.length];
}
