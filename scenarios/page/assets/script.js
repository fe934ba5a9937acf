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

document.querySelectorAll(".chart").forEach(function (chart) {
  const area = chart.querySelector("svg.area");
  const span = parseFloat(chart.dataset.span), high = parseFloat(chart.dataset.high);
  const top = parseFloat(chart.dataset.top), height = parseFloat(chart.dataset.height);
  let line, tip;
  const figures = function (v) { return v >= 100 ? v.toFixed(0) : v.toPrecision(3); };
  area.addEventListener("pointermove", function (event) {
    const box = area.getBoundingClientRect();
    const x = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
    const y = (event.clientY - box.top - top) / height;
    if (!line) {
      line = document.createElementNS(area.namespaceURI, "line");
      line.setAttribute("class", "hair");
      line.setAttribute("y1", top);
      line.setAttribute("y2", top + height);
      tip = document.createElement("div");
      tip.className = "tip";
    }
    line.setAttribute("x1", x * 100 + "%");
    line.setAttribute("x2", x * 100 + "%");
    let text = figures(x * span) + " " + chart.dataset.time;
    if (!Number.isNaN(high) && y >= 0 && y <= 1) text += ", " + figures((1 - y) * high) + " " + chart.dataset.unit;
    tip.textContent = text;
    area.append(line);
    chart.append(tip);
  });
  area.addEventListener("pointerleave", function () {
    if (line) { line.remove(); tip.remove(); }
  });
});

// What a link leads to is unfolded, and so is everything that is printed where that is not too much.
function unfold() {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  if (target && target.tagName === "DETAILS") target.open = true;
}
window.addEventListener("hashchange", unfold);
unfold();
