// After an answer: focus what is wrong, or bring the score into view where it lies below. Without this, the page has both at its head.
document.addEventListener("htmx:afterSettle", (event) => {
  const calculator = document.getElementById("calculator");
  if (event.target !== calculator || !calculator.querySelector("[data-asked]")) return;
  const wrong = calculator.querySelector('[aria-invalid="true"]');
  if (wrong) {
    wrong.focus();
    return;
  }
  const score = calculator.querySelector("section");
  if (score.getBoundingClientRect().top > window.innerHeight - 160) score.scrollIntoView({ block: "start" });
});
