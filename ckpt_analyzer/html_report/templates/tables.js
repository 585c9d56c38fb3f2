// The data tables behind the charts, filled when they are opened.
"use strict";

function tablesOf({ taskOf, chosen, checkpointsOf, metricTitle, shownDifferences, shownSpread }) {
  const TABLE = ["model", "step", "tokens", metricTitle, "SE", "items", "not scored", "suspect"];
  function fillTable(details) {
    const task = taskOf(details);
    const table = element("table", "", "numbers");
    const header = table.createTHead().insertRow();
    for (const name of TABLE) {
      header.append(Object.assign(element("th", typeof name === "string" ? name : name()), { scope: "col" }));
    }
    const body = table.createTBody();
    for (const series of chosen(task)) {
      for (const c of checkpointsOf(series)) {
        const row = body.insertRow();
        row.append(Object.assign(element("th", c.model.name), { scope: "row" }));
        const cells = [c.step, count(c.tokens), format(c.value), format(c.stderr), c.n ?? "–", c.unscored, c.suspect ?? ""];
        for (const cell of cells) row.insertCell().textContent = cell;
      }
    }
    details.querySelector(".scroll").replaceChildren(table);
  }

  // Behind the chart of differences over tuning.
  function fillDifferences(details) {
    const table = element("table", "", "numbers");
    const header = table.createTHead().insertRow();
    for (const name of ["task", "size", "step", "tokens of tuning", "difference", "from", "to"]) {
      header.append(Object.assign(element("th", name), { scope: "col" }));
    }
    const body = table.createTBody();
    for (const each of shownDifferences()) {
      const row = body.insertRow();
      row.append(Object.assign(element("th", each.row), { scope: "row" }));
      const cells = [each.size, each.step, count(each.x), format(each.difference), format(each.lo), format(each.hi)];
      for (const cell of cells) row.insertCell().textContent = cell;
    }
    details.querySelector(".scroll").replaceChildren(table);
  }

  // Behind the spread over seeds of a task.
  function fillSpread(details) {
    const table = element("table", "", "numbers");
    const header = table.createTHead().insertRow();
    for (const name of ["panel", "size", "step", "tokens", "seeds", "mean", "least", "greatest"]) {
      header.append(Object.assign(element("th", name), { scope: "col" }));
    }
    const body = table.createTBody();
    for (const { title, rows } of shownSpread(details)) {
      for (const each of rows) {
        const row = body.insertRow();
        row.append(Object.assign(element("th", title), { scope: "row" }));
        const cells = [each.size, each.step, count(each.x), each.n_seeds, format(each.value), format(each.lo), format(each.hi)];
        for (const cell of cells) row.insertCell().textContent = cell;
      }
    }
    details.querySelector(".scroll").replaceChildren(table);
  }

  return { fillTable, fillDifferences, fillSpread };
}
