// Tables whose rows the reader orders: the matrix of verdicts, and tables with heads that are buttons.
"use strict";

function makeSortable(root) {
  for (const table of root.querySelectorAll("table[data-sortable]")) sortByHeads(table);
  for (const table of root.querySelectorAll("table.matrix")) sortMatrix(table);
}

// Less is first; what has no number comes last in either order.
function compared(one, other, direction) {
  const isMissing = [one, other].map((key) => key === "" || key === null || Number.isNaN(key));
  if (isMissing[0] || isMissing[1]) return Number(isMissing[0]) - Number(isMissing[1]);
  return direction * (typeof one === "string" ? one.localeCompare(other, "en") : one - other);
}

function ordered(rows, keyOf, direction) {
  const keys = new Map(rows.map((row, i) => [row, { key: keyOf(row), i }]));
  return [...rows].sort((a, b) => compared(keys.get(a).key, keys.get(b).key, direction) || keys.get(a).i - keys.get(b).i);
}

function headButtons(heads, onClick) {
  heads.forEach((head, place) => {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "sort" });
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => onClick(head, place));
  });
}

function showOrder(heads, chosen, words) {
  for (const head of heads) head.toggleAttribute("aria-sort", false);
  if (chosen) chosen.setAttribute("aria-sort", words);
}

// Every body of the table is one entry, remarks and all. A cell's key is data-key, or its text.
function sortByHeads(table) {
  const heads = [...table.tHead.rows[0].cells];
  headButtons(heads, (head, place) => {
    const direction = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    const keyOf = (body) => {
      const { key } = body.rows[0].cells[place].dataset;
      return key === undefined ? body.rows[0].cells[place].textContent.trim() : key === "" ? "" : Number(key);
    };
    table.append(...ordered([...table.tBodies], keyOf, direction));
    showOrder(heads, head, direction === 1 ? "ascending" : "descending");
  });
}

// By cause as the page comes; by name; over all models, or one, by the earliest turn or the strongest.
function sortMatrix(table) {
  const bodies = [...table.tBodies], homes = bodies.map((body) => [...body.rows].slice(1));
  const rows = homes.flat(), flat = table.createTBody();
  const heads = [table.querySelector("thead th"), ...table.querySelectorAll("thead th[data-size]")];
  const buttons = [...table.closest("[data-view]").querySelectorAll("[data-order]")];

  const numbers = (row, name, column) => [...row.cells].slice(1)
    .filter((_, i) => column === null || i === column)
    .map((cell) => Number(cell.dataset[name] || NaN)).filter((n) => !Number.isNaN(n));
  const keys = {
    name: (row) => row.cells[0].textContent.trim(),
    turn: (row, column) => Math.min(...numbers(row, "turn", column)),
    strength: (row, column) => Math.max(...numbers(row, "strength", column)),
  };

  function order(by, column = null) {
    bodies.forEach((body, i) => { body.hidden = by !== "cause"; if (by === "cause") body.append(...homes[i]); });
    if (by !== "cause") {
      const finite = (key) => (typeof key === "number" && !Number.isFinite(key) ? "" : key);
      flat.append(...ordered(rows, (row) => finite(keys[by](row, column)), by === "strength" ? -1 : 1));
    }
    const head = by === "name" ? heads[0] : column === null ? null : heads[column + 1];
    showOrder(heads, head, by === "strength" ? "descending" : "ascending");
    for (const b of buttons) b.setAttribute("aria-pressed", String(b.dataset.order === by && column === null));
  }

  for (const button of buttons) button.addEventListener("click", () => order(button.dataset.order));
  // A head goes from the earliest turn to the strongest, then back to causes.
  headButtons(heads, (head, place) => {
    const now = head.getAttribute("aria-sort");
    if (place === 0) order(now ? "cause" : "name");
    else order(now === null ? "turn" : now === "ascending" ? "strength" : "cause", now === "descending" ? null : place - 1);
  });
}
