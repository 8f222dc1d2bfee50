// A key gets the next chart.
import { commandOf, shortcut } from "./keys.js";

const form = document.getElementById("next-form");
document.addEventListener("keydown", (event) => {
  if (commandOf(shortcut(event), "queue") === "next_chart") form.requestSubmit();
});
