// `mlflow ui` shows a page without an address of its own and without windows: there, browsers refuse links to places
// of the page, and links to other pages unless the reader opens them in a new tab.
function isInMLflow() {
  return location.protocol === "blob:";
}

function followPlace(event) {
  const link = event.target.closest('a[href^="#"]');
  if (!link || event.defaultPrevented) return;
  event.preventDefault();
  const target = document.getElementById(decodeURIComponent(link.getAttribute("href").slice(1)));
  if (!target) return;
  openAround(target);
  target.scrollIntoView();
  if (!target.hasAttribute("tabindex")) target.tabIndex = -1;
  target.focus({preventScroll: true});
}

// The address of `mlflow ui` itself, which nothing that was logged may hold.
function serverAddress() {
  const page = document.referrer || location.href.replace(/^blob:/, "");
  return page.replace(/[?#].*$/, "").replace(/\/[^/]*$/, "");
}

function copyAddress(link) {
  const field = element("textarea", {readonly: ""});
  field.value = link.href;
  link.after(field);
  field.select();
  const copied = document.execCommand("copy"); // the newer way asks for a permission that the page does not have
  field.remove();
  return copied;
}

// In the table of runs, each run leads to MLflow: by a new tab, or by its address in the clipboard.
function linkRun(row) {
  const own = [...row.querySelectorAll("a.run")].find((link) => link.getAttribute("href") === `#${row.id}`)
    || [...row.cells].pop().appendChild(element("a", {class: "run"}, " MLflow"));
  const hint = element("span", {class: "hint", role: "status"});
  own.href = serverAddress() + (row.dataset.path || `/#/runs/${row.id.slice("run-".length)}`);
  own.title = text("tab");
  own.after(hint);
  own.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    hint.textContent = text(copyAddress(own) ? "copied" : "tab");
  });
}

if (isInMLflow()) {
  document.addEventListener("click", followPlace);
  for (const row of document.querySelectorAll('tr[id^="run-"]')) linkRun(row);
}
