"use strict";
// Everything can be read without this: it sorts tables, and says what is under the pointer in a plot.

document.querySelectorAll("table.sortable").forEach(function (table) {
  const body = table.tBodies[0];
  if (!body || body.rows.length < 2) return;
  const heads = Array.from(table.tHead.rows[0].cells);
  heads.forEach(function (head, column) {
    const numbers = head.classList.contains("n");
    const button = document.createElement("button");
    button.type = "button";
    while (head.firstChild) button.append(head.firstChild);
    head.append(button);
    const key = function (row) {
      const cell = row.cells[column];
      const text = cell.dataset.sort !== undefined ? cell.dataset.sort : cell.textContent.trim();
      return numbers ? parseFloat(text) : text;
    };
    button.addEventListener("click", function () {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach(function (h) { h.removeAttribute("aria-sort"); });
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const rows = Array.from(body.rows).map(function (row, i) { return { row: row, key: key(row), i: i }; });
      rows.sort(function (a, b) {
        let order;
        if (numbers) {
          const missing = Number.isNaN(a.key) - Number.isNaN(b.key); // what is no number stays at the end
          if (missing) return missing;
          order = a.key - b.key || 0;
        } else {
          order = a.key.localeCompare(b.key, undefined, { numeric: true });
        }
        return (down ? -order : order) || a.i - b.i;
      });
      body.append.apply(body, rows.map(function (r) { return r.row; }));
    });
  });
});
