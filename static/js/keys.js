// Which command a key stands for, as this person has set it. Single-key shortcuts never fire while somebody types, holds
// a modifier, or has a dialog open (but for the tour's, which lets the page be tried).
const TYPING = 'input:not([type="radio"], [type="checkbox"]), textarea, select, [contenteditable]';
const bound = JSON.parse(document.body.dataset.keys ?? "{}");

export const areOn = () => document.body.dataset.shortcuts === "on";

// The key that was pressed, as coding/keys.py names it; null where it is no shortcut.
export function shortcut(event) {
  if (!areOn() || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || event.isComposing) return null;
  if (event.target.closest?.(TYPING) || document.querySelector("dialog[open]:not(.tour)")) return null;
  return event.key.length === 1 ? event.key.toLowerCase() : event.key;
}

// page: "chart" or "queue".
export function commandOf(key, page) {
  return (key && bound[page]?.[key]) ?? null;
}

// "U takes the answer back.": the hint of a command in a sentence; without a key, otherwise.
export function withKey(command, words, otherwise = "") {
  const key = areOn() && Object.keys(bound.chart ?? {}).find((one) => bound.chart[one] === command);
  return key ? `${key.length === 1 ? key.toUpperCase() : key} ${words}` : otherwise;
}
