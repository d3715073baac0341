"use strict";
// Everything here is comfort: the page is complete without it.

const text = (name) => document.documentElement.dataset[name] || "";

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// Dark and light: what the system says, until the reader chooses.
function remembered(value) {
  try { // a sandboxed page has no storage
    if (value) localStorage.setItem("theme", value);
    return localStorage.getItem("theme");
  } catch { return null; }
}

function addThemeSwitch() {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme || (system.matches ? "dark" : "light")) === "dark";
  const button = element("button", {type: "button", class: "quiet-button"});
  const name = () => { button.textContent = text(isDark() ? "light" : "dark"); };
  if (remembered()) root.dataset.theme = remembered();
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    remembered(root.dataset.theme);
    name();
  });
  system.addEventListener("change", name);
  name();
  document.querySelector("header").append(button);
}

// Sorting: numbers by their value, texts by their letters, cells without a value last.
function sortValue(row, place) {
  const cell = row.cells[place];
  if (cell.dataset.v !== undefined) return cell.dataset.v === "" ? null : Number(cell.dataset.v);
  return cell.textContent.trim() || null;
}

function compare(a, b, sign) {
  if (a === null || b === null) return (a === null) - (b === null);
  if (typeof a === "number" && typeof b === "number") return sign * (a - b);
  return sign * String(a).localeCompare(String(b), undefined, {numeric: true});
}

function sortBy(table, place) {
  const heads = table.tHead.rows[0].cells;
  const order = heads[place].getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
  for (const head of heads) head.removeAttribute("aria-sort");
  heads[place].setAttribute("aria-sort", order);
  const sign = order === "ascending" ? 1 : -1;
  const rows = [...table.tBodies[0].rows].map((row) => [sortValue(row, place), row]);
  rows.sort((a, b) => compare(a[0], b[0], sign));
  table.tBodies[0].append(...rows.map(([, row]) => row));
}

function makeSortable(table) {
  if (table.tBodies[0].rows.length < 2) return;
  [...table.tHead.rows[0].cells].forEach((head, place) => {
    const label = head.querySelector("span");
    const button = element("button", {type: "button", class: "sort"}, ...label.childNodes);
    button.addEventListener("click", () => sortBy(table, place));
    label.replaceWith(button);
  });
}

// Rows that hold a text.
function addFilter(tools, table, title) {
  const name = text("filter");
  const field = element("input", {type: "search", placeholder: name, "aria-label": `${name}: ${title}`});
  const count = element("span", {class: "hint", role: "status"});
  field.addEventListener("input", () => {
    const wanted = field.value.trim().toLowerCase();
    const rows = [...table.tBodies[0].rows];
    for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
    count.textContent = wanted ? `${rows.filter((row) => !row.hidden).length} / ${rows.length}` : "";
  });
  tools.append(field, count);
}

// Which columns are shown.
function addColumnChoice(tools, table, title) {
  const fields = element("fieldset", {"aria-label": `${text("columns")}: ${title}`});
  [...table.tHead.rows[0].cells].forEach((head, place) => {
    const box = element("input", {type: "checkbox"});
    box.checked = true;
    box.addEventListener("change", () => {
      for (const row of table.rows) row.cells[place].hidden = !box.checked;
    });
    const name = head.querySelector("button, span").textContent;
    fields.append(element("label", {}, box, name));
  });
  const handle = element("summary", {class: "quiet-button"}, text("columns"));
  const menu = element("details", {class: "menu"}, handle, fields);
  menu.addEventListener("keydown", (event) => { if (event.key === "Escape") menu.open = false; });
  document.addEventListener("click", (event) => { if (!menu.contains(event.target)) menu.open = false; });
  tools.append(menu);
}

function addTools(frame) {
  const table = frame.querySelector("table");
  const title = document.getElementById(frame.getAttribute("aria-labelledby")).textContent;
  const tools = element("div", {class: "tools"});
  const hint = element("span", {class: "hint", hidden: ""}, text("scroll"));
  if (table.tBodies[0].rows.length > 24) addFilter(tools, table, title);
  if (table.tHead.rows[0].cells.length > 5) addColumnChoice(tools, table, title);
  tools.append(hint);
  frame.before(tools);
  makeSortable(table);
  new ResizeObserver(() => {
    hint.hidden = frame.scrollWidth <= frame.clientWidth + 1;
    tools.hidden = tools.children.length === 1 && hint.hidden;
    if (hint.hidden) frame.removeAttribute("tabindex"); else frame.tabIndex = 0;
  }).observe(frame);
}

// Explanations of terms beside them; without this the links lead to the glossary.
function addExplanations() {
  if (!HTMLElement.prototype.showPopover) return;
  const bubble = element("div", {popover: "auto", class: "bubble", role: "note"});
  let shownAt = 0;
  document.body.append(bubble);
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a.term");
    const name = link && document.getElementById(link.hash.slice(1));
    if (!name) return;
    event.preventDefault();
    bubble.replaceChildren(element("b", {}, name.textContent), name.nextElementSibling.textContent);
    bubble.showPopover();
    shownAt = scrollY;
    const box = link.getBoundingClientRect();
    const left = Math.min(box.left, innerWidth - bubble.offsetWidth - 16);
    const below = box.bottom + bubble.offsetHeight + 8 < innerHeight;
    bubble.style.left = `${Math.max(left, 16)}px`;
    bubble.style.top = `${below ? box.bottom + 4 : Math.max(box.top - bubble.offsetHeight - 4, 8)}px`;
  });
  const hide = () => { if (Math.abs(scrollY - shownAt) > 60) bubble.hidePopover(); };
  document.addEventListener("scroll", hide, {passive: true});
}

// Where the reader is.
function followReading() {
  const items = new Map();
  const list = document.querySelector("nav");
  for (const link of document.querySelectorAll("nav > ul > li:not(.part) > a")) {
    items.set(link.hash.slice(1), link.parentElement);
  }
  const chapters = [...document.querySelectorAll(".chapter[id]")];
  const mark = () => {
    const reached = chapters.filter((chapter) => chapter.getBoundingClientRect().top < innerHeight * .4).pop();
    for (const [name, item] of items) {
      const isCurrent = reached !== undefined && name === reached.id;
      if (isCurrent && !item.classList.contains("current")) list.scrollTo({left: item.offsetLeft - 16});
      item.classList.toggle("current", isCurrent);
    }
  };
  document.addEventListener("scroll", mark, {passive: true});
  mark();
}

// A link into a closed part opens it; so does printing.
function openAround(target) {
  for (let place = target; place; place = place.parentElement) if (place.tagName === "DETAILS") place.open = true;
}

function openLinked() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  openAround(target);
  target.scrollIntoView();
}

function openForPrint() {
  const opened = [];
  addEventListener("beforeprint", () => {
    for (const part of document.querySelectorAll("main details:not([open])")) { part.open = true; opened.push(part); }
  });
  addEventListener("afterprint", () => { for (const part of opened.splice(0)) part.open = false; });
}

addThemeSwitch();
for (const frame of document.querySelectorAll(".frame")) addTools(frame);
addExplanations();
followReading();
addEventListener("hashchange", openLinked);
openLinked();
openForPrint();
