// What other modules say to the person, and the token of their requests. No effects of its own: the page loads app.js by
// its hashed name, and a module that imported app.js by its plain one would run it a second time.

export function announce(words) {
  const region = document.getElementById("announce");
  region.textContent = "";
  // A region that changes within one task is read out once, and the same words twice not at all.
  setTimeout(() => { region.textContent = words; }, 60);
}

export function csrfToken() {
  return document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1] ?? document.querySelector("[name=csrfmiddlewaretoken]")?.value;
}

export function showProblem(words, link) {
  let box = document.getElementById("problem-box");
  if (!box) {
    box = document.createElement("div");
    box.id = "problem-box";
    box.className = "problem-box notice bad";
    box.setAttribute("role", "alert");
    document.body.append(box);
  }
  const text = document.createElement("span");
  text.textContent = words;
  const close = document.createElement("button");
  close.type = "button";
  close.className = "button small";
  close.textContent = "Close";
  close.addEventListener("click", () => box.remove());
  box.replaceChildren(text);
  if (link) {
    const anchor = document.createElement("a");
    anchor.href = link.href;
    anchor.target = "_blank";
    anchor.rel = "noopener";
    anchor.textContent = link.text;
    box.append(anchor);
  }
  box.append(close);
}
