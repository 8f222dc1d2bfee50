// The selected text as a place in a note. The server counts Unicode code points, JavaScript UTF-16 units.
export function codePoints(text) {
  return [...text].length;
}

function offsetIn(note, node, offset) {
  const before = new Range();
  before.setStart(note, 0);
  before.setEnd(node, offset);
  return codePoints(before.toString());
}

// {note, encounter, start, end, quote}, or null when no text of a note is selected.
export function selectedText() {
  const selection = window.getSelection();
  if (!selection.rangeCount || selection.isCollapsed) return null;
  const range = selection.getRangeAt(0);
  const element = range.startContainer.nodeType === Node.TEXT_NODE ? range.startContainer.parentElement : range.startContainer;
  const note = element.closest(".note-text, .pdf-text"); // the text of a note, or of one page of it
  if (!note) return null;
  // Dragging, or a triple click, easily runs over the note's end.
  const inside = note.contains(range.endContainer);
  let start = offsetIn(note, range.startContainer, range.startOffset);
  let end = inside ? offsetIn(note, range.endContainer, range.endOffset) : codePoints(note.textContent);
  const points = [...note.textContent];
  while (start < end && /\s/u.test(points[start])) start += 1;
  while (end > start && /\s/u.test(points[end - 1])) end -= 1;
  if (start === end) return null;
  const base = Number(note.dataset.base ?? 0);
  return { note: note.dataset.note, encounter: note.dataset.encounter, start: base + start, end: base + end, quote: points.slice(start, end).join("") };
}
