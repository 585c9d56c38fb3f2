// Draws the charts of the page from one payload. No network, no eval, no dependency but vegaEmbed.
(async () => {
  "use strict";
  // The policy of the page names the sha256 of this text, so nothing else would run.
  const vega = unpacked("vega").then((response) => response.text()).then((text) => {
    document.head.append(Object.assign(document.createElement("script"), { textContent: text }));
  });
  const { data, specs, atlas, dumbbells } = await (await unpacked("payload")).json();
  const state = { metric: 0, setting: 0, axis: "tokens", isolated: null };
  const views = new Map(); // chart element -> Vega view
  const find = (selector, root = document) => [...root.querySelectorAll(selector)];
  const BAND_STDERRS = 1.96;

  // Values come as steps from one to the next.
  function summed(steps) {
    let total = 0;
    return Array.isArray(steps) ? steps.map((step) => (step === null ? null : (total += step))) : steps;
  }

  const at = (list, i) => (Array.isArray(list) ? list[i] : list);
  const scaled = (number, scale) => (number === null ? null : number / scale);
  const taskOf = (element) =>
    element.dataset.cause === undefined ? data.tasks.indexOf(element.dataset.task) : data.tasks.length + Number(element.dataset.cause);

  const seriesOf = new Map();
  for (const series of data.series) {
    series.v = summed(series.v);
    series.se = summed(series.se);
    const key = `${series.t}|${series.k}|${series.c}`;
    if (!seriesOf.has(key)) seriesOf.set(key, []);
    seriesOf.get(key).push(series);
  }
  // A cause is a task of its own, behind the real ones: the mean over its tasks.
  for (const [i, cause] of data.causes.entries()) {
    for (const k of data.metrics.keys()) for (const c of data.settings.keys()) {
      const t = data.tasks.length + i;
      const ofTasks = cause.tasks.map((task) => seriesOf.get(`${task}|${k}|${c}`)).filter(Boolean);
      seriesOf.set(`${t}|${k}|${c}`, meansOver(ofTasks, { t, k, c }));
    }
  }

  // Per model the mean over tasks, at the checkpoints that it has for all of them.
  function meansOver(ofTasks, place) {
    const [first, ...others] = ofTasks, n = ofTasks.length;
    return (first ?? []).flatMap((one) => {
      const all = [one, ...others.map((list) => list.find((series) => series.m === one.m))];
      if (all.includes(undefined)) return [];
      const points = all.map((series) => new Map(series.v.map((v, i) => [series.at ? series.at[i] : i, {
        value: scaled(v, series.scale), stderr: scaled(at(series.se, i), series.scale), n: at(series.n, i), unscored: at(series.unscored, i),
      }])));
      const shared = [...points[0].keys()].filter((c) => points.every((p) => (p.get(c)?.value ?? null) !== null));
      const sum = (c, pick) => points.reduce((total, p) => total + pick(p.get(c)), 0);
      const hasErrors = shared.every((c) => points.every((p) => p.get(c).stderr !== null));
      const chances = all.map((series) => series.chance);
      return [{
        ...place, m: one.m, scale: 1, at: shared,
        v: shared.map((c) => sum(c, (p) => p.value) / n),
        se: hasErrors ? shared.map((c) => Math.sqrt(sum(c, (p) => p.stderr ** 2)) / n) : null,
        n: shared.map((c) => (points.every((p) => p.get(c).n !== null) ? sum(c, (p) => p.n) : null)),
        unscored: shared.map((c) => sum(c, (p) => p.unscored)),
        chance: chances.includes(null) ? null : chances.reduce((a, b) => a + b, 0) / n, constant: null,
      }];
    });
  }

  const chosen = (task) => seriesOf.get(`${task}|${state.metric}|${state.setting}`) ?? [];
  const isChosen = (row, task) => row.t === task && row.k === state.metric && row.c === state.setting;
  const modelOf = (row) => data.models[row.m];
  const sizeOf = (row) => data.sizes[modelOf(row).rank];
  // A row without a model joins all models of its suite and arm.
  function inPanel(row, panel) {
    const { suite, arm } = row.m === undefined ? row : modelOf(row);
    return suite === panel.suite && arm === panel.arm;
  }

  // ---- rows ----
  function* checkpointsOf(series) {
    const model = modelOf(series);
    for (let i = 0; i < series.v.length; i++) {
      const c = series.at ? series.at[i] : i;
      const step = model.step[c];
      yield {
        model, step, tokens: model.tokens[c], x: model.place[c], value: scaled(series.v[i], series.scale),
        stderr: scaled(at(series.se, i), series.scale), n: at(series.n, i), unscored: at(series.unscored, i),
        suspect: model.suspect[step] ?? null,
      };
    }
  }

  function pointRows(task, panel) {
    const rows = [];
    for (const series of chosen(task)) {
      if (!inPanel(series, panel)) continue;
      const size = sizeOf(series), key = `s${modelOf(series).rank}`;
      for (const c of checkpointsOf(series)) {
        if (c.value === null) continue;
        const x = state.axis === "flops" ? 6 * c.model.parameters * c.x : c.x;
        rows.push({ size, key, x, tokens: c.x, step: c.step, value: c.value, stderr: c.stderr, suspect: c.suspect });
      }
    }
    return rows;
  }

  function referenceRows(task) {
    const first = (name) => chosen(task).map((s) => s[name]).find((level) => level !== null);
    const chance = first("chance"), constant = first("constant");
    if (chance !== undefined && constant !== undefined && Math.abs(chance - constant) < 0.005) {
      return [{ label: "chance, constant", y: chance }];
    }
    return [["chance", chance], ["constant", constant]]
      .filter(([, y]) => y !== undefined)
      .map(([label, y]) => ({ label, y }));
  }

  // Over parameters: a curve per checkpoint, those that the panel names.
  function stepRows(task, panel) {
    const last = panel.steps.at(-1), rows = [];
    for (const series of chosen(task)) {
      if (!inPanel(series, panel)) continue;
      for (const c of checkpointsOf(series)) {
        if (c.value === null || c.suspect || !panel.steps.includes(c.step)) continue;
        rows.push({
          size: sizeOf(series), x: c.model.parameters, step: c.step, tokens: c.x, value: c.value,
          stderr: c.stderr, is_last: c.step === last,
        });
      }
    }
    return rows;
  }

  const trusted = (series) => [...checkpointsOf(series)].filter((c) => c.value !== null && !c.suspect);

  // From where tuning started: the end of the base model, and the first tuned checkpoint.
  function startRows(task, panel) {
    return chosen(task).filter((series) => inPanel(series, panel)).flatMap((series) => {
      const { base, suite, parameters } = modelOf(series), size = sizeOf(series);
      const of_base = chosen(task).find((s) => modelOf(s).name === base && modelOf(s).suite === suite);
      const end = of_base && trusted(of_base).at(-1), first = trusted(series)[0];
      if (!end || !first) return [];
      const x = state.axis === "flops" ? 6 * parameters * first.x : first.x;
      return [{ size, x: 0, value: end.value, is_base: true }, { size, x, value: first.value, is_base: false }];
    });
  }

  function flipRows(task, panel) {
    return data.flips
      .filter((flip) => isChosen(flip, task) && flip.axis === state.axis && inPanel(flip, panel))
      .filter((flip) => state.axis !== "parameters" || panel.steps.includes(flip.step))
      .map((flip) => ({ ...flip, size: flip.size ?? sizeOf(flip) }));
  }

  function fitRows(task, panel) {
    if (state.axis !== "tokens") return [];
    return data.fits
      .filter((fit) => isChosen(fit, task) && inPanel(fit, panel))
      .flatMap((fit) => fit.x.map((x, i) => ({ size: sizeOf(fit), x, fitted: fit.fitted[i] })));
  }

  function limits(task) {
    let low = Infinity, high = -Infinity;
    const see = (y) => { low = Math.min(low, y); high = Math.max(high, y); };
    for (const panel of specs.panels) {
      for (const row of pointRows(task, panel)) {
        const reach = BAND_STDERRS * (row.stderr ?? 0);
        see(row.value - reach); see(row.value + reach);
      }
    }
    for (const panel of specs.panels) for (const row of startRows(task, panel)) see(row.value);
    for (const line of referenceRows(task)) see(line.y);
    if (!Number.isFinite(low)) return [0, 1];
    const margin = 0.05 * (high - low) || 0.05;
    return [low - margin, high + margin];
  }

  // Labels of two near lines stand a text's height apart.
  function labelled(task, low, high) {
    const rows = referenceRows(task).map((row) => ({ ...row, label_y: row.y }));
    const apart = 0.05 * (high - low);
    rows.sort((a, b) => a.y - b.y);
    if (rows.length === 2 && rows[1].y - rows[0].y < apart) {
      const middle = (rows[0].y + rows[1].y) / 2;
      [rows[0].label_y, rows[1].label_y] = [middle - apart / 2, middle + apart / 2];
    }
    return rows;
  }

  // ---- drawing ----
  const themeName = () =>
    document.documentElement.dataset.theme ??
    (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  const colours = () => specs.themes[themeName()].range.category;
  const metricTitle = () => data.metrics[state.metric].title;
  const fill = (spec) =>
    JSON.parse(JSON.stringify(spec).replaceAll('"{metric}"', JSON.stringify(metricTitle())));

  function specOf(element) {
    const { kind } = element.dataset;
    const width = element.clientWidth;
    if (kind === "atlas") {
      const spec = fill(specs.atlas);
      spec.datasets = { atlas: atlas[state.metric * data.settings.length + state.setting] };
      spec.spec.width = Math.max(180, width - 90);
      return spec.datasets.atlas.length ? spec : null;
    }
    if (kind === "dumbbells") {
      const spec = fill(specs.dumbbells);
      const rows = dumbbells[state.metric * data.settings.length + state.setting];
      const height = new Set(rows.map((row) => row.row)).size * (11 * data.sizes.length + 10);
      Object.assign(spec, { datasets: { dumbbells: rows }, width, height, autosize: { type: "fit-x", contains: "padding" } });
      return rows.length ? spec : null;
    }
    const panel = specs.panels[Number(element.dataset.panel)];
    if (kind === "item") return itemSpec(panel, width);
    const task = taskOf(element);
    const chosenSpec = kind === "curves" ? panel.curves[state.axis] : panel[kind];
    if (!chosenSpec) return null;
    const spec = fill(chosenSpec);
    const points = kind === "curves" && state.axis === "parameters" ? stepRows(task, panel) : pointRows(task, panel);
    if (!points.length) return null;
    spec.width = width;
    spec.autosize = { type: "fit-x", contains: "padding" };
    spec.datasets = { points };
    if (kind === "curves") {
      const [y_min, y_max] = limits(task);
      Object.assign(spec.datasets, {
        flips: flipRows(task, panel), references: labelled(task, y_min, y_max), fits: fitRows(task, panel),
        starts: startRows(task, panel),
      });
      const values = { y_min, y_max, isolated: state.isolated };
      for (const param of spec.params) if (param.name in values) param.value = values[param.name];
    }
    return spec;
  }

  function itemSpec(panel, width) {
    const { rows, chance, range, title } = explorer.rowsOf(panel);
    if (!rows.length) return null;
    const spec = JSON.parse(JSON.stringify(panel.item).replaceAll('"{metric}"', JSON.stringify(title)));
    const margin = 0.04 * (range[1] - range[0]);
    const values = { y_min: range[0] - margin, y_max: range[1] + margin, isolated: state.isolated };
    for (const param of spec.params) if (param.name in values) param.value = values[param.name];
    return Object.assign(spec, {
      width, autosize: { type: "fit-x", contains: "padding" },
      datasets: { points: rows, references: chance.map((line) => ({ ...line, label_y: line.y })) },
    });
  }

  const stamp = (element) =>
    [
      state.metric, state.setting, element.dataset.kind === "curves" ? state.axis : "", themeName(),
      element.clientWidth, element.dataset.kind === "item" ? explorer.anchor(explorer.opened) : "",
    ].join("|");

  function emptyText(element) {
    if (["atlas", "dumbbells", "item"].includes(element.dataset.kind)) return "";
    const panel = specs.panels[Number(element.dataset.panel)];
    const one = element.dataset.kind === "curves" && !panel.curves[state.axis];
    return one ? "No two sizes share a checkpoint here." : "Not scored with this metric.";
  }

  async function draw(element) {
    if (element.dataset.drawn === stamp(element)) {
      if (views.has(element)) isolateIn(views.get(element));
      return;
    }
    element.dataset.drawn = stamp(element);
    views.get(element)?.finalize();
    views.delete(element);
    const spec = specOf(element);
    if (!spec) {
      element.textContent = emptyText(element);
      return;
    }
    await vega;
    const { view } = await vegaEmbed(element, spec, {
      ast: true, logLevel: 1, renderer: "svg", config: specs.themes[themeName()], tooltip: showTip, actions: false,
    });
    views.set(element, view);
    isolateIn(view);
    if (!element.nextElementSibling?.matches(".save")) element.after(saveButtons(element));
  }

  const inSight = new Set(); // charts on the screen or near it; the others wait for their turn
  const observer = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        if (isIntersecting) { inSight.add(target); draw(target); } else inSight.delete(target);
      }
    },
    { rootMargin: "400px 0px" },
  );
  const charts = find(".chart");
  charts.forEach((chart) => chart.after(saveButtons(chart))); // before they are drawn, so that nothing moves then
  const watch = () => {
    charts.forEach((chart) => { observer.unobserve(chart); observer.observe(chart); });
    explorer?.redraw();
  };

  // ---- figures to keep: on white paper, with a title, whatever the theme ----
  function titleOf(chart) {
    const { kind, task, cause, panel } = chart.dataset;
    const parts = [
      task === undefined ? null : data.titles[data.tasks.indexOf(task)], cause === undefined ? null : data.causes[cause].title,
      kind === "item" ? `item ${explorer.opened.task.ids[explorer.opened.i]}` : null,
      panel === undefined ? null : specs.panels[panel].title, task === undefined && cause === undefined ? metricTitle() : null,
    ];
    return parts.filter(Boolean).join(" · ");
  }

  async function figureView(chart) {
    const spec = Object.assign(specOf(chart), { title: titleOf(chart), padding: 12 });
    const config = { ...specs.themes.light, background: "#ffffff" };
    await vega;
    return (await vegaEmbed(document.createElement("div"), spec, { ast: true, logLevel: 1, renderer: "svg", config, actions: false })).view;
  }

  function saveButtons(chart) {
    const box = element("div", "", "save");
    const name = () => `${titleOf(chart)} ${data.metrics[state.metric].name}`.toLowerCase().replace(/[^a-z0-9]+/g, "-");
    const add = (format, save) => {
      const button = element("button", format);
      button.type = "button";
      button.setAttribute("aria-label", `Download figure as ${format}: ${titleOf(chart)}`);
      button.addEventListener("click", save);
      box.append(button);
    };
    add("SVG", async () => {
      const view = await figureView(chart);
      download(`${name()}.svg`, new Blob([await view.toSVG()], { type: "image/svg+xml" }));
      view.finalize();
    });
    add("PNG", async () => {
      const view = await figureView(chart);
      (await view.toCanvas(3)).toBlob((blob) => download(`${name()}.png`, blob));
      view.finalize();
    });
    return box;
  }

  function isolateIn(view) {
    const { signals } = view.getState();
    if ("isolated" in signals && signals.isolated !== state.isolated) view.signal("isolated", state.isolated).run();
  }

  // ---- tooltip ----
  const tip = document.getElementById("tip");
  const format = (y) => (y === null || y === undefined ? "–" : y.toFixed(Math.abs(y) < 10 ? 3 : 1));
  function count(tokens) {
    for (const [scale, suffix] of [[1e12, "T"], [1e9, "B"], [1e6, "M"], [1e3, "k"]]) {
      if (tokens >= scale) return `${Number((tokens / scale).toPrecision(3))} ${suffix}`;
    }
    return String(Math.round(tokens));
  }

  function element(name, text = "", className = "") {
    const made = document.createElement(name);
    made.textContent = text;
    if (className) made.className = className;
    return made;
  }

  function readout(chart, x) {
    const panel = specs.panels[Number(chart.dataset.panel)];
    const rows = pointRows(taskOf(chart), panel).filter((r) => r.x === x);
    rows.sort((a, b) => Number(b.key.slice(1)) - Number(a.key.slice(1)));
    const steps = [...new Set(rows.map((row) => row.step))];
    const table = element("table");
    for (const row of rows) {
      const line = table.insertRow();
      const name = line.insertCell();
      const swatch = element("i", "", "swatch");
      swatch.style.background = colours()[Number(row.key.slice(1))];
      name.append(swatch, row.size);
      line.insertCell().textContent =
        format(row.value) + (row.stderr === null ? "" : ` ± ${format(row.stderr)}`);
      if (row.suspect) line.insertCell().textContent = "suspect";
      if (state.isolated !== null && row.size !== state.isolated) line.className = "off";
    }
    const place = state.axis === "flops" ? `${x.toExponential(1)} FLOPs` : `${count(x)} tokens`;
    return [element("strong", `${place} · step ${steps.join(", ")}`), table];
  }

  function showTip(handler, event, item, value) {
    if (value === null || value === undefined || value === "") { tip.hidden = true; return; }
    const chart = event.target.closest?.(".chart");
    const row = item.datum?.datum ?? item.datum ?? {};
    if (chart?.dataset.kind === "curves" && state.axis !== "parameters" && row.verdict === undefined && row.is_base === undefined) {
      tip.replaceChildren(...readout(chart, row.x));
    } else {
      const table = element("table");
      for (const [name, text] of Object.entries(value)) {
        const line = table.insertRow();
        line.insertCell().textContent = name;
        line.insertCell().textContent = text === "inverted_U" ? "inverted U" : text;
      }
      tip.replaceChildren(table);
    }
    tip.hidden = false;
    const { width, height } = tip.getBoundingClientRect();
    const left = event.clientX + 16 + width > innerWidth ? event.clientX - 16 - width : event.clientX + 16;
    tip.style.left = `${Math.max(4, left)}px`;
    tip.style.top = `${Math.max(4, Math.min(event.clientY + 12, innerHeight - height - 4))}px`;
  }

  // ---- switches ----
  function showView() {
    for (const block of find("[data-view]")) block.hidden = block.dataset.view !== `${state.metric}|${state.setting}`;
    for (const b of find("[data-metric-button]")) b.setAttribute("aria-pressed", String(Number(b.dataset.metricButton) === state.metric));
    showMenu();
    find("[data-setting-button]").forEach((b, i) => b.setAttribute("aria-pressed", String(i === state.setting)));
    find("details.data[open]").forEach(fillTable);
    find("[data-cause-words]").forEach(tellCause);
    watch();
  }

  // Not every task has every metric, so which ones a mean is over depends on the view.
  function tellCause(place) {
    const cause = data.causes[Number(place.dataset.causeWords)];
    const tasks = cause.tasks.filter((task) => chosen(task).length).map((task) => data.titles[task]);
    place.textContent = tasks.length ? `Mean over ${tasks.join(", ")}.` : "Not scored with this metric.";
  }

  // The menu says which of its metrics is shown, and shuts.
  const menu = document.querySelector(".menu");
  function showMenu() {
    if (!menu) return;
    const more = menu.querySelector("[data-more]"), inMenu = state.metric >= 3;
    more.textContent = inMenu ? metricTitle() : more.dataset.more;
    menu.querySelector("[data-metric-title]").textContent = metricTitle();
    menu.classList.toggle("chosen", inMenu);
    menu.open = false;
  }

  function showAxis() {
    for (const b of find("[data-axis-button]")) b.setAttribute("aria-pressed", String(b.dataset.axisButton === state.axis));
    watch();
  }

  function showIsolated() {
    const legend = document.querySelector(".legend");
    legend.toggleAttribute("data-active", state.isolated !== null);
    find("[data-size-button]").forEach((b, i) => b.setAttribute("aria-pressed", String(data.sizes[i] === state.isolated)));
    for (const cell of find("[data-size]")) {
      cell.classList.toggle("faded", state.isolated !== null && cell.dataset.size !== state.isolated);
    }
    views.forEach((view, chart) => { if (inSight.has(chart) || chart.dataset.kind === "item") isolateIn(view); });
  }

  function showTheme() {
    for (const swatch of find(".bar .swatch")) swatch.style.background = colours()[Number(swatch.dataset.rank)];
    watch();
  }

  for (const b of find("[data-metric-button]")) {
    b.addEventListener("click", () => { state.metric = Number(b.dataset.metricButton); showView(); });
  }
  find("[data-setting-button]").forEach((b, i) => b.addEventListener("click", () => { state.setting = i; showView(); }));
  for (const b of find("[data-axis-button]")) {
    b.addEventListener("click", () => { state.axis = b.dataset.axisButton; showAxis(); });
  }
  find("[data-size-button]").forEach((b, i) => b.addEventListener("click", () => {
    state.isolated = state.isolated === data.sizes[i] ? null : data.sizes[i];
    showIsolated();
  }));
  document.getElementById("theme").addEventListener("click", () => {
    document.documentElement.dataset.theme = themeName() === "dark" ? "light" : "dark";
    showTheme();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", showTheme);
  document.getElementById("print").addEventListener("click", async () => {
    const root = document.documentElement, chosenTheme = root.dataset.theme;
    root.dataset.theme = "light"; // charts carry their ink with them, and paper is white
    showTheme();
    await Promise.all(charts.filter((chart) => !chart.closest("details:not([open])")).map(draw));
    print();
    if (chosenTheme) root.dataset.theme = chosenTheme;
    else delete root.dataset.theme;
    showTheme();
  });
  let resized;
  addEventListener("resize", () => { clearTimeout(resized); resized = setTimeout(watch, 200); });
  addEventListener("scroll", () => { tip.hidden = true; }, { passive: true });
  addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    tip.hidden = true;
    if (menu?.open) { menu.open = false; menu.querySelector("summary").focus(); }
  });
  addEventListener("pointerdown", (event) => { if (menu?.open && !menu.contains(event.target)) menu.open = false; });
  const bar = document.querySelector(".bar");
  new ResizeObserver(() => document.documentElement.style.setProperty("--bar", `${bar.offsetHeight}px`)).observe(bar);

  // ---- data tables and downloads ----
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
  find("details.data").forEach((d) => d.addEventListener("toggle", () => { if (d.open) fillTable(d); }));

  // A cell that a spreadsheet would run as a formula is disarmed with an apostrophe.
  function csvCell(cell) {
    if (cell === null || cell === undefined) return "";
    let text = Array.isArray(cell) ? cell.join(";") : String(cell);
    if (typeof cell !== "number" && /^[=+\-@\t\r]/.test(text)) text = `'${text}`;
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  }
  const csv = (columns, rows) => [columns, ...rows].map((row) => row.map(csvCell).join(",")).join("\n") + "\n";

  function trendsCsv() {
    const columns = ["suite", "model", "size", "arm", "base_model", "parameters", "task", "shots",
      "prompt_format", "dtype", "metric", "step", "tokens", "arm_tokens", "flops", "value", "stderr",
      "n_items", "n_unscored", "chance", "constant_label", "has_items", "suspect"];
    const rows = [];
    for (const s of data.series) {
      const m = modelOf(s), setting = data.settings[s.c];
      for (const c of checkpointsOf(s)) {
        rows.push([m.suite, m.name, m.size, m.arm, m.base, m.parameters, data.tasks[s.t], setting.shots,
          setting.prompt_format, setting.dtype, data.metrics[s.k].name, c.step, c.tokens, c.x,
          6 * m.parameters * c.tokens, c.value, c.stderr, c.n, c.unscored, s.chance, s.constant,
          s.items, c.suspect]);
      }
    }
    return csv(columns, rows);
  }

  function flipsCsv() {
    const { columns, n_rows } = data.flips_table;
    const row = (i) => columns.map((column) => column.values[column.index[i]]);
    return csv(columns.map((column) => column.name), Array.from({ length: n_rows }, (_, i) => row(i)));
  }

  function download(name, blob) {
    const link = element("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }
  for (const button of find("[data-csv]")) {
    button.addEventListener("click", () => download(
      `${button.dataset.csv}.csv`,
      new Blob([button.dataset.csv === "trends" ? trendsCsv() : flipsCsv()], { type: "text/csv" }),
    ));
  }

  for (const button of find("[data-copy]")) {
    button.addEventListener("click", async () => {
      const source = document.getElementById(button.dataset.copy);
      try {
        await navigator.clipboard.writeText(source.textContent);
      } catch { // the clipboard is refused to some pages from disk, a selection never is
        getSelection().selectAllChildren(source);
        document.execCommand("copy");
      }
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
  }

  // ---- items: unpacked when they come near ----
  const explorer = document.getElementById("items")
    ? new ItemExplorer({ data, specs, element, draw, format, count }) : null;
  let opening = null;
  const openItems = () => (opening ??= explorer.open());
  if (explorer) {
    new IntersectionObserver((entries, self) => {
      if (entries.some((e) => e.isIntersecting)) { self.disconnect(); openItems(); }
    }, { rootMargin: "300px 0px" }).observe(explorer.root);
  }

  async function follow() {
    const anchor = decodeURIComponent(location.hash.slice(1));
    if (explorer && anchor.startsWith("item-")) {
      await openItems();
      if (explorer.follow(anchor)) return;
    }
    document.getElementById(anchor)?.scrollIntoView();
  }
  addEventListener("hashchange", () => { if (location.hash.startsWith("#item-")) follow(); });

  showTheme();
  find("[data-cause-words]").forEach(tellCause);
  // The atlas has no height until it is drawn, and it stands above every task.
  draw(document.querySelector(".atlas .chart")).then(follow);
  document.body.dataset.ready = "";
})();
