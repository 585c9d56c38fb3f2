// The item explorer: filters, search, a table that holds only the rows in sight, one item opened.
"use strict";

const ROW_PIXELS = 34;
const grouped = (n) => n.toLocaleString("en").replaceAll(",", "\u202f");

class ItemExplorer {
  // page: what page.js lends: data, element, draw, format, count.
  constructor(page) {
    this.page = page;
    this.root = document.getElementById("items");
    this.control = (name) => this.root.querySelector(`[data-items="${name}"]`);
    this.window = this.root.querySelector(".items");
    this.body = this.window.querySelector("tbody");
    this.opened = null;
  }

  async open() {
    const found = await unpackedItems();
    Object.assign(this, found);
    const { models } = this.page.data;
    const isTuned = (series) => Number(models[series.m].arm !== "base");
    for (const task of this.tasks) {
      task.series.sort((a, b) => isTuned(a) - isTuned(b) || models[a.m].rank - models[b.m].rank || a.m - b.m);
    }
    this.fillControls();
    for (const name of ["task", "model", "show", "order"]) {
      this.control(name).addEventListener("change", () => this.choose(name));
    }
    let typed;
    this.control("search").addEventListener("input", () => {
      clearTimeout(typed);
      typed = setTimeout(() => this.choose("search"), 150);
    });
    this.window.addEventListener("scroll", () => this.paint(), { passive: true });
    this.window.addEventListener("keydown", (event) => this.onKey(event));
    new ResizeObserver(() => this.paint()).observe(this.window);
    this.choose();
    this.root.dataset.ready = "";
  }

  fillControls() {
    const { data } = this.page;
    const titles = this.tasks.map((task) => data.titles[task.t]);
    const total = this.tasks.reduce((sum, task) => sum + task.n, 0);
    this.options("task", [["", `All tasks (${grouped(total)})`],
      ...this.tasks.map((task, i) => [i, `${titles[i]} (${grouped(task.n)})`])]);
    const models = [...new Set(this.tasks.flatMap((task) => task.series.map((s) => s.m)))];
    this.options("model", [["", "any model"], ...models.map((m) => [m, data.models[m].name])]);
    this.options("show", [["", "all items"],
      ...this.answers.slice(0, -1).map((words, i) => [`answer ${i}`, words]),
      ...this.shapes.slice(1).map((words, i) => [`shape ${i + 1}`, words])]);
    this.fillOrders();
  }

  // Ranks belong to one task, so the orders change with it.
  fillOrders() {
    const { data, count } = this.page;
    const task = this.chosenTask();
    const ranked = (task?.series ?? []).flatMap((series, i) => (series.ranked
      ? [[`drives ${i}`, `drives the ${series.ranked.verdict === "U" ? "U" : "inverted U"} of ${data.models[series.m].name}`]]
      : []));
    const before = this.control("order").value;
    this.options("order", [["", "as in the data"], ["low", "lowest at the end"], ["high", "highest at the end"], ...ranked]);
    if (before && [...this.control("order").options].some((o) => o.value === before)) this.control("order").value = before;
  }

  options(name, pairs) {
    this.control(name).replaceChildren(...pairs.map(([value, words]) => {
      const option = this.page.element("option", words);
      option.value = value;
      return option;
    }));
  }

  chosenTask() {
    const value = this.control("task").value;
    return value === "" ? null : this.tasks[Number(value)];
  }

  chosenSeries(task) {
    const value = this.control("model").value;
    return value === "" ? task.series : task.series.filter((series) => series.m === Number(value));
  }

  // ---- which rows ----
  choose(changed = "") {
    if (changed === "task") this.fillOrders();
    this.rows = this.ordered(this.tasks.filter((task) => !this.chosenTask() || task === this.chosenTask())
      .flatMap((task) => this.found(task)));
    const total = this.tasks.reduce((sum, task) => sum + task.n, 0);
    this.control("count").textContent = this.rows.length === total
      ? `${grouped(total)} items.` : `${grouped(this.rows.length)} of ${grouped(total)} items.`;
    this.control("end").textContent = this.ranking() ? "Adds" : "End";
    this.control("rank").textContent = this.rankWords();
    this.window.querySelector("table").setAttribute("aria-rowcount", this.rows.length + 1);
    this.window.scrollTop = 0;
    this.paint(true);
  }

  found(task) {
    const [kind, code] = this.control("show").value.split(" ");
    const query = this.control("search").value.trim().toLowerCase();
    const series = this.chosenSeries(task);
    const rows = [];
    if (!series.length) return rows;
    const having = query && this.having(task, query);
    for (let i = 0; i < task.n; i++) {
      if (having && !having(i)) continue;
      if (kind && !series.some((s) => task[kind](s, i) === Number(code))) continue;
      rows.push({ task, i });
    }
    return rows;
  }

  having(task, query) {
    const inText = task.texts.having(query), inChoices = task.choices.having(query, (list) => JSON.parse(list).join("\n"));
    return (i) => inText[i] || inChoices[i] || task.ids[i].toLowerCase() === query;
  }

  ordered(rows) {
    const order = this.control("order").value;
    if (!order) return rows;
    if (order.startsWith("drives")) {
      const { items } = this.ranking();
      const rank = new Map(items.map((item, place) => [item, place]));
      return rows.filter(({ i }) => rank.has(i)).sort((a, b) => rank.get(a.i) - rank.get(b.i));
    }
    const sign = order === "low" ? 1 : -1;
    const ends = new Map(rows.map((row) => [row, this.end(row)]));
    return rows.sort((a, b) => sign * ((ends.get(a) ?? sign * Infinity) - (ends.get(b) ?? sign * Infinity)));
  }

  ranking() {
    const [kind, at] = this.control("order").value.split(" ");
    const series = kind === "drives" ? this.chosenTask()?.series[Number(at)] : null;
    return series ? { ...series.ranked, m: series.m } : null;
  }

  rankWords() {
    const ranking = this.ranking();
    if (!ranking) return "";
    const { data, format, count } = this.page, task = this.chosenTask();
    const sum = ranking.adds.reduce((total, add) => total + add, 0) / task.n;
    const what = task.unit === "probability" ? "in the probability of the right choice" : "in ln p";
    return `${data.models[ranking.m].name} turns in ${ranking.metric.toLowerCase()} at ${count(ranking.at)} tokens. `
      + `The turn is ${format(ranking.mean)} deep ${what}, over all ${grouped(task.n)} items; `
      + `the ${ranking.items.length} listed here make ${format(sum)} of it.`;
  }

  // The mean over the chosen models of the value at the last carried checkpoint.
  end({ task, i }) {
    const last = this.chosenSeries(task).map((s) => task.values(s, i).at(-1)).filter((p) => p !== null);
    return last.length ? last.reduce((sum, p) => sum + p, 0) / last.length : null;
  }

  // ---- the table ----
  paint(anew = false) {
    const height = this.window.clientHeight;
    const first = Math.max(0, Math.floor(this.window.scrollTop / ROW_PIXELS) - 8);
    const last = Math.min(this.rows.length, first + Math.ceil(height / ROW_PIXELS) + 16);
    if (!anew && this.painted?.[0] === first && this.painted[1] === last) return;
    const focused = this.body.contains(document.activeElement) ? Number(document.activeElement.dataset.row) : null;
    this.painted = [first, last];
    const rows = this.rows.slice(first, last).map((row, i) => this.row(row, first + i));
    this.body.replaceChildren(this.spacer(first), ...rows, this.spacer(this.rows.length - last));
    if (focused !== null) this.body.querySelector(`[data-row="${focused}"]`)?.focus({ preventScroll: true });
  }

  spacer(n) {
    const row = this.page.element("tr", "", "spacer");
    row.style.height = `${n * ROW_PIXELS}px`;
    row.setAttribute("aria-hidden", "true");
    return row;
  }

  row({ task, i }, at) {
    const { element, data, format } = this.page;
    const row = element("tr");
    row.setAttribute("aria-rowindex", at + 2);
    const name = element("th");
    name.scope = "row";
    const button = element("button", task.ids[i], "open");
    button.type = "button";
    button.dataset.row = at;
    button.setAttribute("aria-label", `Open item ${task.ids[i]} of ${data.titles[task.t]}`);
    name.append(button);
    if (!this.chosenTask()) name.append(element("small", data.titles[task.t]));
    const gist = task.texts.gist(i);
    const text = element("td", gist.length > 300 ? `${gist.slice(0, 300)}…` : gist, "gist");
    const marks = element("td", "", "marks");
    const words = [];
    for (const series of this.chosenSeries(task)) {
      const shape = task.shape(series, i), answer = task.answer(series, i);
      marks.append(this.mark(shape, answer));
      words.push(`${data.models[series.m].name}: ${this.shapes[shape]}${task.unit === "probability" ? `, ${this.answers[answer]}` : ""}`);
    }
    marks.title = words.join("\n");
    const ranking = this.ranking();
    const number = ranking ? ranking.adds[ranking.items.indexOf(i)] : this.end({ task, i });
    const end = element("td", (ranking && number > 0 ? "+" : "") + format(number), "end");
    row.append(name, text, marks, end);
    if (this.opened && this.opened.task === task && this.opened.i === i) row.className = "opened";
    row.addEventListener("click", () => this.show({ task, i }, at));
    return row;
  }

  // Shape of the value over a bar for the answer: filled right, hollow wrong, half changing.
  mark(shape, answer) {
    const css = ["flat", "u", "n", "up", "down"][shape];
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("class", `glyph v-${css}`);
    svg.setAttribute("aria-hidden", "true");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    use.setAttribute("href", `#g-${css}`);
    svg.append(use);
    const mark = this.page.element("span", "", `mark a${answer}`);
    mark.append(svg);
    return mark;
  }

  onKey(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const at = Number(document.activeElement?.dataset.row ?? -1);
    if (!step || !this.body.contains(document.activeElement)) return;
    event.preventDefault();
    const next = Math.min(Math.max(at + step, 0), this.rows.length - 1);
    const top = next * ROW_PIXELS, height = this.window.clientHeight - 2 * ROW_PIXELS;
    if (top < this.window.scrollTop) this.window.scrollTop = top;
    else if (top > this.window.scrollTop + height) this.window.scrollTop = top - height;
    this.paint();
    this.body.querySelector(`[data-row="${next}"]`)?.focus({ preventScroll: true });
  }

  // ---- one item ----
  anchor({ task, i }) {
    return `item-${this.page.data.tasks[task.t]}-${task.ids[i]}`;
  }

  // Opens the item that an address names; says whether there is one.
  follow(anchor) {
    for (const task of this.tasks) {
      const head = `item-${this.page.data.tasks[task.t]}-`;
      const i = anchor.startsWith(head) ? task.ids.indexOf(anchor.slice(head.length)) : -1;
      if (i >= 0) { this.show({ task, i }); return true; }
    }
    return false;
  }

  show(item) {
    const { element, data } = this.page, { task, i } = item;
    this.opened = item;
    const place = this.root.querySelector(".item");
    const title = element("h3", `${data.titles[task.t]}, item ${task.ids[i]}`);
    title.tabIndex = -1;
    const text = element("pre", task.texts.text(i).replaceAll("\r", "␍"), "code");
    text.tabIndex = 0;
    place.replaceChildren(title, text, this.choiceList(item), this.figures(item), this.told(item));
    place.hidden = false;
    history.replaceState(null, "", `#${encodeURIComponent(this.anchor(item))}`);
    this.paint(true);
    this.redraw();
    title.focus({ preventScroll: true });
    place.scrollIntoView({ block: "nearest" });
  }

  choiceList({ task, i }) {
    const { element } = this.page, gold = task.gold(i);
    const list = element("ol", "", "choices");
    task.choicesOf(i).forEach((choice, k) => {
      const entry = element("li", "", k === gold ? "gold" : "");
      entry.append(element("code", choice));
      if (k === gold) entry.append(" ", element("span", "right"));
      list.append(entry);
    });
    return list;
  }

  figures(item) {
    const { element, specs, data } = this.page, { task } = item;
    const panels = element("div", "", "panels");
    specs.panels.forEach((panel, p) => {
      const isShown = task.series.some((s) => data.models[s.m].suite === panel.suite && data.models[s.m].arm === panel.arm);
      if (!isShown) return;
      const figure = element("figure", "", panel.arm === "base" ? "base" : "tuned");
      const chart = element("div", "", "chart");
      Object.assign(chart.dataset, { kind: "item", panel: p, task: data.tasks[task.t] });
      chart.setAttribute("role", "img");
      chart.setAttribute("aria-label", `Item ${task.ids[item.i]}, ${panel.title}: its value through training. The table below has the same numbers.`);
      figure.append(element("figcaption", panel.title), chart);
      panels.append(figure);
    });
    return panels;
  }

  // The words for each model, and all numbers of the chart.
  told({ task, i }) {
    const { element, data, format, count } = this.page;
    const words = element("table", "", "numbers");
    const head = words.createTHead().insertRow();
    for (const name of ["model", "shape", "answers", "at the end", "drives the turn"]) {
      head.append(Object.assign(element("th", name), { scope: "col" }));
    }
    const body = words.createTBody();
    for (const series of task.series) {
      const row = body.insertRow();
      row.append(Object.assign(element("th", data.models[series.m].name), { scope: "row" }));
      const rank = series.ranked?.items.indexOf(i) ?? -1;
      const cells = [
        this.shapes[task.shape(series, i)],
        task.unit === "probability" ? this.answers[task.answer(series, i)] : "–",
        format(task.values(series, i).at(-1)),
        rank < 0 ? "–" : `+${format(series.ranked.adds[rank])} (${rank + 1} of ${series.ranked.items.length})`,
      ];
      for (const cell of cells) row.insertCell().textContent = cell;
    }
    const details = element("details", "", "numbers-of-item");
    details.append(element("summary", "Data table"), this.allNumbers({ task, i }));
    const box = element("div");
    const scroll = element("div", "", "scroll");
    scroll.tabIndex = 0;
    scroll.append(words);
    box.append(scroll, details);
    return box;
  }

  allNumbers({ task, i }) {
    const { element, data, format, count } = this.page;
    const table = element("table", "", "numbers");
    const head = table.createTHead().insertRow();
    for (const name of ["model", "step", "tokens", this.unitWords(task)]) head.append(Object.assign(element("th", name), { scope: "col" }));
    const body = table.createTBody();
    for (const series of task.series) {
      task.values(series, i).forEach((value, s) => {
        const row = body.insertRow();
        row.append(Object.assign(element("th", data.models[series.m].name), { scope: "row" }));
        for (const cell of [series.steps[s], count(series.places[s]), format(value)]) row.insertCell().textContent = cell;
      });
    }
    return table;
  }

  unitWords(task) {
    return task.unit === "probability" ? "probability of the right choice" : "ln p of the completion";
  }

  // Rows of the chart of the opened item in one panel.
  rowsOf(panel) {
    const { data } = this.page, { task, i } = this.opened;
    const rows = task.series.filter((s) => data.models[s.m].suite === panel.suite && data.models[s.m].arm === panel.arm)
      .flatMap((series) => task.values(series, i).flatMap((value, s) => (value === null ? [] : [{
        size: data.sizes[data.models[series.m].rank], x: series.places[s], step: series.steps[s], value,
      }])));
    const chance = task.unit === "probability" ? [{ label: "chance", y: 1 / task.choicesOf(i).length }] : [];
    return { rows, chance, range: task.range, title: this.unitWords(task) };
  }

  redraw() {
    if (this.opened) for (const chart of this.root.querySelectorAll(".item .chart")) this.page.draw(chart);
  }
}
