// Sorts the rows within each body of a table; a body's title row stays on top, empty cells go last.
"use strict";
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => head.querySelector("button")?.addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") === "ascending";
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    for (const body of table.tBodies) {
      const rows = [...body.rows].filter((row) => !row.classList.contains("group"));
      rows.sort((a, b) => compare(key(a.cells[column]), key(b.cells[column]), down));
      body.append(...rows);
    }
  }));
}
function key(cell) {
  const text = cell.dataset.value ?? cell.textContent.trim();
  return text === "" ? null : text === "inf" ? Infinity : isNaN(text) ? text : Number(text);
}
function compare(a, b, down) {
  if (a === null || b === null) return (a === null) - (b === null);
  const order = typeof a === "number" && typeof b === "number" ? (a > b) - (a < b) : String(a).localeCompare(String(b));
  return down ? -order : order;
}
