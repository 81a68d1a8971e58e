"use strict";
// Hides what is not looked for. Without this script everything is shown.
document.documentElement.classList.add("js");
const words = document.getElementById("words");
const suite = document.getElementById("suite");
const found = document.getElementById("found");
const counts = [...document.querySelectorAll(".count")];
const cases = [...document.querySelectorAll(".case")];
const texts = new Map(cases.map((one) => [one, (one.querySelector("summary").textContent + " " + one.querySelector(".facts").textContent).toLowerCase()]));

function filter() {
  const asked = words.value.toLowerCase().split(/\s+/).filter(Boolean);
  const standings = counts.filter((one) => one.getAttribute("aria-pressed") === "true").map((one) => one.dataset.filter);
  let shown = 0;
  for (const one of cases) {
    const here = (suite.value === "" || one.closest(".suite").dataset.suite === suite.value)
      && (standings.length === 0 || standings.includes(one.dataset.standing))
      && asked.every((word) => texts.get(one).includes(word));
    one.hidden = !here;
    shown += here;
  }
  for (const group of document.querySelectorAll(".suite")) {
    group.hidden = !group.querySelector(".case:not([hidden])");
  }
  found.textContent = shown === cases.length ? `${shown} cases` : `${shown} of ${cases.length}`;
}

function open() {
  const one = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (one && one.matches("details")) {
    one.hidden = false;
    one.closest(".suite").hidden = false;
    one.open = true;
    one.scrollIntoView();
  }
}

words.addEventListener("input", filter);
suite.addEventListener("change", filter);
for (const one of counts) {
  one.addEventListener("click", () => {
    one.setAttribute("aria-pressed", one.getAttribute("aria-pressed") !== "true");
    filter();
  });
}
addEventListener("hashchange", open);
filter();
// On paper, what did not pass is open.
addEventListener("beforeprint", () => {
  for (const one of cases) {
    if (["failed", "error", "inconclusive"].includes(one.dataset.standing)) {
      one.open = true;
    }
  }
});
open();
