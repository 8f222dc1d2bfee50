// Find in the notes, over the borders of highlighted pieces. The matches are painted by the browser: the text stays as it is.
export function prepareFind(record) {
  const input = document.getElementById("find");
  const count = document.getElementById("find-count");
  if (!input || !window.CSS?.highlights) return;
  let matches = [];
  let at = -1;
  let found = null;

  function search() {
    found = null;
    matches = [];
    at = -1;
    const words = input.value.trim().toLowerCase();
    CSS.highlights.delete("found");
    CSS.highlights.delete("found-now");
    count.textContent = "";
    if (words.length < 2) return;
    for (const note of record.querySelectorAll(".note-text")) matches.push(...matchesIn(note, words));
    CSS.highlights.set("found", new Highlight(...matches));
    count.textContent = matches.length ? `${matches.length} found` : "none";
  }

  function go(step) {
    if (!matches.length) return;
    at = (at + step + matches.length) % matches.length;
    CSS.highlights.set("found-now", new Highlight(matches[at]));
    found = matches[at];
    matches[at].startContainer.parentElement.scrollIntoView({ block: "center" });
    count.textContent = `${at + 1} of ${matches.length}`;
  }

  input.addEventListener("input", search);
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
