// Find in the notes, over the borders of highlighted pieces. The matches are painted by the browser: the text stays as it is.
// A note that shows its pages is searched in its text all the same; what is found is shown on the page.
import { viewerOf } from "./pdf.js";
import { codePoints } from "./selection.js";

export function prepareFind(record) {
  const input = document.getElementById("find");
  const count = document.getElementById("find-count");
  if (!input || !window.CSS?.highlights) return;
  let matches = [];
  let at = -1;
  let found = null;

  const wanted = () => input.value.trim().toLowerCase();

  function search() {
    found = null;
    matches = [];
    at = -1;
    CSS.highlights.delete("found");
    CSS.highlights.delete("found-now");
    count.textContent = "";
    if (wanted().length < 2) return;
    for (const note of record.querySelectorAll(".note-text")) matches.push(...matchesIn(note, wanted()));
    const onPages = [...record.querySelectorAll(".pdf-text")].flatMap((layer) => matchesIn(layer, wanted()));
    CSS.highlights.set("found", new Highlight(...matches, ...onPages));
    count.textContent = matches.length ? `${matches.length} found` : "none";
  }

  async function go(step) {
    if (!matches.length) return;
    at = (at + step + matches.length) % matches.length;
    const gone = at;
    const range = await shown(matches[at]);
    if (gone !== at) return;
    CSS.highlights.set("found-now", new Highlight(range));
    found = range;
    range.startContainer.parentElement.scrollIntoView({ block: "center" });
    count.textContent = `${at + 1} of ${matches.length}`;
  }

  input.addEventListener("input", search);
  record.addEventListener("pdf-layer", (event) => {
    if (wanted().length >= 2) for (const range of matchesIn(event.target, wanted())) CSS.highlights.get("found")?.add(range);
  });
  input.form.addEventListener("submit", (event) => event.preventDefault());
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") { event.preventDefault(); go(event.shiftKey ? -1 : 1); }
    if (event.key === "Escape") {
      // What was gone to is selected: C adds a code for it, a digit marks it.
      const chosen = found;
      input.value = "";
      search();
      input.blur();
      if (chosen) window.getSelection().setBaseAndExtent(chosen.startContainer, chosen.startOffset, chosen.endContainer, chosen.endOffset);
    }
  });
}

// The match where the person sees it: in the note's text, or on a page.
async function shown(range) {
  const note = range.startContainer.parentElement.closest(".note-text");
  const viewer = viewerOf(note.dataset.note);
  if (!viewer?.showsPages()) return range;
  const before = new Range();
  before.setStart(note, 0);
  before.setEnd(range.startContainer, range.startOffset);
  const start = codePoints(before.toString());
  return viewer.rangeOf(start, start + codePoints(range.toString())).catch(() => range);
}

function matchesIn(note, words) {
  const nodes = [];
  const walker = document.createTreeWalker(note, NodeFilter.SHOW_TEXT);
  let text = "";
  while (walker.nextNode()) {
    nodes.push({ node: walker.currentNode, start: text.length });
    text += walker.currentNode.data;
  }
  // Lower-casing may change a text's length (İ); then places would be wrong, so such a note is searched as it is.
  const lower = text.toLowerCase();
  const haystack = lower.length === text.length ? lower : text;
  const point = (offset) => {
    const last = nodes.findLast(({ start }) => start <= offset);
    return [last.node, offset - last.start];
  };
  const found = [];
  for (let at = haystack.indexOf(words); at >= 0; at = haystack.indexOf(words, at + words.length)) {
    const range = new Range();
    range.setStart(...point(at));
    range.setEnd(...point(at + words.length));
    found.push(range);
  }
  return found;
}
