// A key that is pressed in its field is written there by its name; Tab, Enter, Escape and the arrows do what they always do.
const NAMED = /^(Delete|Insert|F[2489]|F1[3-9]|F2[0-4])$/;
const SHOWN = { Delete: "Del", Insert: "Ins", Backspace: "⌫" };

document.addEventListener("keydown", (event) => {
  const field = event.target;
  if (!field.matches("[data-key-field]") || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const { key } = event;
  const isSign = key.length === 1 && key !== " ";
  // In a full field Backspace empties it; in an empty one it is the key itself.
  if (key === "Backspace" && field.value) {
    event.preventDefault();
    field.value = "";
    return;
  }
  if (!isSign && !NAMED.test(key) && key !== "Backspace") return;
  event.preventDefault();
  const name = isSign ? key.toUpperCase() : SHOWN[key] ?? key;
  // One key takes the place of what was there; after a space it is added.
  field.value = field.value.endsWith(" ") ? field.value + name : name;
});

document.addEventListener("focusin", (event) => {
  if (event.target.matches("[data-key-field]")) event.target.select();
});

document.querySelector("[data-shortcuts-form]")?.addEventListener("change", (event) => {
  document.body.dataset.shortcuts = event.target.checked ? "on" : "off";
});
