// Single-key shortcuts never fire while somebody types, holds a modifier, or has a dialog open.
const TYPING = 'input:not([type="radio"], [type="checkbox"]), textarea, select, [contenteditable]';

export function shortcut(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || event.isComposing) return null;
  if (event.target.closest?.(TYPING) || document.querySelector("dialog[open]")) return null;
  return event.key.length === 1 ? event.key.toLowerCase() : event.key;
}
