"use strict";
(function () {
  const form = document.getElementById("filters");
  if (!form) return;
  const findings = Array.from(document.querySelectorAll("article.finding"));
  const groups = Array.from(document.querySelectorAll(".group"));
  const search = document.getElementById("search");
  const selects = Array.from(form.querySelectorAll("select[data-filter]"));
  const shown = document.getElementById("shown");
  const texts = new Map(findings.map((each) => [each, each.textContent.toLowerCase()]));

  // Only owners are several, and CODEOWNERS separates them by blanks; a directory's name may hold some.
  function has(finding, name, value) {
    const found = finding.dataset[name];
    return name === "owner" ? found.split(" ").includes(value) : found === value;
  }

  function fits(finding, words) {
    return (
      selects.every((each) => !each.value || has(finding, each.dataset.filter, each.value)) &&
      words.every((word) => texts.get(finding).includes(word))
    );
  }

  function apply() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const finding of findings) {
      finding.hidden = !fits(finding, words);
      if (!finding.hidden) count += 1;
    }
    for (const group of groups) group.hidden = !group.querySelector("article.finding:not([hidden])");
    shown.textContent = count + " of " + findings.length + " findings shown";
  }

  function reveal() {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target && target.closest("[hidden]")) {
      form.reset();
      apply();
      target.scrollIntoView();
    }
  }

  form.hidden = false;
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(apply));
  window.addEventListener("hashchange", reveal);
  window.addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((each) => (each.open = true)));
  apply();
})();
