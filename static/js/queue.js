// N gets the next chart, as on the review page.
import { shortcut } from "./keys.js";

const form = document.getElementById("next-form");
document.addEventListener("keydown", (event) => {
  if (shortcut(event) === "n" && form.querySelector("kbd")) form.requestSubmit();
});
