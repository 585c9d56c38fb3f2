// Draws the charts of the page from one payload. No network, no eval, no dependency but vegaEmbed.
(async () => {
  "use strict";
  // The policy of the page names the sha256 of this text, so nothing else would run.
  const vega = unpacked("vega").then((response) => response.text()).then((text) => {
    document.head.append(Object.assign(document.createElement("script"), { textContent: text }));
  });
  const hiddenTexts = document.getElementById("views") ? unpacked("views").then((response) => response.json()) : [];
  const { data, specs, atlas, dumbbells, differences, spread, spread_specs } = await (await unpacked("payload")).json();
  const hiddenViews = await hiddenTexts; // the tables of other metrics and settings, see hidden_views.py
  const state = { metric: 0, setting: 0, axis: "tokens", isolated: null };
  const views = new Map(); // chart element -> Vega view
  const KINDS = { atlas: "turning points", differences: "difference from the base model", dumbbells: "base and tuned", map: "size by checkpoint" };
  const isOfTask = ({ dataset }) => dataset.task !== undefined || dataset.cause !== undefined;
  const find = (selector, root = document) => [...root.querySelectorAll(selector)];
  const {
    taskOf, modelOf, chosen, checkpointsOf, pointRows, referenceRows, stepRows, startRows, flipRows, fitRows, limits, labelled,
    shotRows, shotFlips,
  } = rowsOf({ data, specs, state });

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
      const { rows, reach } = atlas[viewIndex()];
      if (!rows.length) return null;
      spec.datasets = { atlas: rows };
      setParams(spec, { y_min: reach[0], y_max: reach[1], isolated: state.isolated });
      return inColumns(spec, rows, width);
    }
    if (kind === "differences") {
      const rows = differences[viewIndex()];
      if (!rows.length || !specs.differences) return null;
      const spec = fill(specs.differences);
      spec.datasets = { differences: rows };
      setParams(spec, { isolated: state.isolated });
      return inColumns(spec, rows, width);
    }
    if (kind === "dumbbells") {
      const spec = fill(specs.dumbbells);
      const rows = dumbbells[viewIndex()];
      const height = new Set(rows.map((row) => row.row)).size * (11 * data.sizes.length + 10);
      Object.assign(spec, { datasets: { dumbbells: rows }, width, height, autosize: { type: "fit-x", contains: "padding" } });
      setParams(spec, { isolated: state.isolated });
      return rows.length ? spec : null;
    }
    if (kind === "spread") return spreadSpec(element, width);
    const panel = specs.panels[Number(element.dataset.panel)];
    if (kind === "item") return itemSpec(panel, width);
    const task = taskOf(element);
    const chosenSpec = kind === "curves" ? panel.curves[state.axis] : panel[kind];
    if (!chosenSpec) return null;
    const spec = fill(chosenSpec);
    const rowsOver = kind !== "curves" ? pointRows : { parameters: stepRows, shots: shotRows }[state.axis] ?? pointRows;
    const points = rowsOver(task, panel);
    if (!points.length) return null;
    spec.width = width;
    spec.autosize = { type: "fit-x", contains: "padding" };
    spec.datasets = { points };
    if (kind === "curves" && state.axis === "shots") {
      const [y_min, y_max] = limits(task);
      Object.assign(spec.datasets, { flips: shotFlips(task, panel), references: labelled(task, y_min, y_max) });
      setParams(spec, { y_min, y_max, isolated: state.isolated });
    } else if (kind === "curves") {
      const [y_min, y_max] = limits(task);
      Object.assign(spec.datasets, {
        flips: flipRows(task, panel), references: labelled(task, y_min, y_max), fits: fitRows(task, panel),
        starts: startRows(task, panel),
      });
      setParams(spec, { y_min, y_max, isolated: state.isolated });
    }
    return spec;
  }

  const viewIndex = () => state.metric * data.settings.length + state.setting;
  function setParams(spec, values) {
    for (const param of spec.params) if (param.name in values) param.value = values[param.name];
  }

  // Small panels, as many in a row as there is room for.
  const PANEL = 215, AXIS = 50, GAP = 18;
  function inColumns(spec, rows, width) {
    spec.facet.sort = [...new Set(rows.map((row) => row.row))];
    const n_panels = spec.facet.sort.length;
    const n_fit = Math.max(1, Math.floor((width - AXIS + GAP) / (PANEL + GAP)));
    spec.columns = Math.min(n_fit, n_panels);
    spec.spec.width = Math.min(320, Math.floor((width - AXIS - (spec.columns - 1) * GAP) / spec.columns));
    return spec;
  }

  // What the runs of each size span; a size is no entry of the legend where each run is one.
  const spreadRows = ({ dataset }) => spread[viewIndex()][dataset.task]?.[Number(dataset.panel)] ?? [];
  function spreadSpec(element, width) {
    const rows = spreadRows(element), task = taskOf(element);
    if (!rows.length) return null;
    const ends = [...rows.flatMap((row) => [row.lo, row.hi]), ...referenceRows(task).map((line) => line.y)];
    const low = Math.min(...ends), high = Math.max(...ends), margin = 0.05 * (high - low) || 0.05;
    const [y_min, y_max] = [low - margin, high + margin];
    const spec = fill(spread_specs.panels[Number(element.dataset.panel)].spec);
    setParams(spec, { y_min, y_max, isolated: null });
    return Object.assign(spec, {
      width, autosize: { type: "fit-x", contains: "padding" },
      datasets: {
        points: rows.map((row) => ({ ...row, stderr: null, suspect: null })), references: labelled(task, y_min, y_max),
        flips: [], fits: [], starts: [],
      },
    });
  }
  function configOf({ dataset }, theme) {
    const config = specs.themes[theme];
    return dataset.kind === "spread" ? { ...config, range: { ...config.range, category: spread_specs.colours[theme] } } : config;
  }

  function itemSpec(panel, width) {
    const { rows, chance, range, title } = explorer.rowsOf(panel);
    if (!rows.length) return null;
    const spec = JSON.parse(JSON.stringify(panel.item).replaceAll('"{metric}"', JSON.stringify(title)));
    const margin = 0.04 * (range[1] - range[0]);
    setParams(spec, { y_min: range[0] - margin, y_max: range[1] + margin, isolated: state.isolated });
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

  const notScored = `Not scored with this metric${data.settings.length > 1 ? " and setting" : ""}.`;
  function emptyText(element) {
    if (element.dataset.kind === "spread") return notScored;
    if (["atlas", "dumbbells", "differences", "item"].includes(element.dataset.kind)) return "";
    const panel = specs.panels[Number(element.dataset.panel)];
    const one = element.dataset.kind === "curves" && !panel.curves[state.axis];
    if (one && state.axis === "shots") return "Scored with one number of examples alone.";
    return one ? "No two sizes share a checkpoint here." : notScored;
  }

  // Charts of one form differ in rows and in what is set only: Vega-Lite compiles each form once.
  const forms = new Map(); // what a chart looks like -> a promise of the same for Vega
  const IS_SET = new Set(["y_min", "y_max", "isolated"]);
  async function embedded(element, spec, config, more) {
    await vega;
    const { datasets, params = [], ...look } = spec;
    const options = { ast: true, expr: compiledExpressions, logLevel: 1, renderer: "svg", actions: false, ...more };
    const form = JSON.stringify([look, params.map((param) => (IS_SET.has(param.name) ? param.name : param)), Object.keys(datasets), config]);
    if (!forms.has(form)) {
      let tell;
      forms.set(form, new Promise((resolve) => { tell = resolve; })); // charts that come meanwhile wait for it
      const patch = (compiled) => { tell(compiled); return compiled; };
      return (await vegaEmbed(element, spec, { ...options, config, patch })).view;
    }
    const known = await forms.get(form);
    const values = Object.fromEntries(params.map(({ name, value }) => [name, value]));
    const filled = {
      ...known,
      data: known.data.map((table) => (table.name in datasets ? { ...table, values: datasets[table.name] } : table)),
      signals: (known.signals ?? []).map((signal) => (IS_SET.has(signal.name) ? { ...signal, value: values[signal.name] } : signal)),
    };
    return (await vegaEmbed(element, filled, { ...options, mode: "vega" })).view;
  }

  async function draw(element) {
    if (element.dataset.drawn === stamp(element)) {
      isolateIn(element);
      return;
    }
    element.dataset.drawn = stamp(element);
    views.get(element)?.finalize();
    views.delete(element);
    const spec = specOf(element);
    if (spec?.params) setParams(spec, { isolated: null });
    element.classList.toggle("bare", !spec);
    if (!spec) {
      element.textContent = emptyText(element);
      return;
    }
    const view = await embedded(element, spec, configOf(element, themeName()), { tooltip: showTip });
    views.set(element, view);
    isolateIn(element);
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
  function subjectOf(chart) {
    const { kind, task, cause, panel } = chart.dataset;
    return [
      task === undefined ? null : data.titles[data.tasks.indexOf(task)], cause === undefined ? null : data.causes[cause].title,
      kind === "item" ? `item ${explorer.opened.task.ids[explorer.opened.i]}` : null,
      kind === "spread" ? `spread over seeds, ${spread_specs.panels[panel].title}` : panel === undefined ? null : specs.panels[panel].title,
      KINDS[kind],
    ].filter(Boolean).join(" · ");
  }
  // What the switches say is not seen on a figure that is kept.
  function titleOf(chart) {
    const { kind } = chart.dataset, axis = kind === "curves" ? state.axis : "tokens";
    const setting = kind === "item" || axis === "shots" ? null : find("[data-setting-button]")[state.setting]?.textContent;
    const over = axis === "tokens" ? null : `over ${axis === "flops" ? "FLOPs" : axis}`;
    const metric = isOfTask(chart) && kind !== "map" ? null : metricTitle(); // an axis of curves names theirs
    return [subjectOf(chart), metric, setting, over].filter(Boolean).join(" · ");
  }

  async function figureView(chart) {
    const spec = Object.assign(specOf(chart), { title: titleOf(chart), padding: 12 });
    const config = { ...configOf(chart, "light"), background: "#ffffff" };
    return embedded(document.createElement("div"), spec, config, {});
  }

  function saveButtons(chart) {
    const box = element("div", "", "save");
    const name = () => `${titleOf(chart)} ${isOfTask(chart) && chart.dataset.kind !== "map" ? data.metrics[state.metric].name : ""}`.trim().toLowerCase().replace(/[^a-z0-9]+/g, "-");
    const add = (format, save) => {
      const button = element("button", format);
      button.type = "button";
      button.setAttribute("aria-label", `Download figure as ${format}: ${subjectOf(chart)}`);
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

  // A highlight is set on what is drawn: to run the dataflow of every chart again takes ten times as long.
  const MARKS = "svg.marks :is(.mark-line, .mark-area, .mark-symbol, .mark-rule) > :is(path, line)";
  function isolateIn(chart) {
    const { kind } = chart.dataset;
    const isBySize = kind !== "map" && kind !== "spread" && !(kind === "curves" && state.axis === "parameters");
    for (const node of chart.querySelectorAll(MARKS)) {
      const item = node.__data__, size = item?.datum?.size;
      if (!size) continue;
      const isOff = isBySize && state.isolated !== null && size !== state.isolated;
      node.style.opacity = isOff ? 0.06 * (item.opacity ?? 1) : "";
    }
  }

  // ---- tooltip ----
  const tip = document.getElementById("tip");
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
    if (chart?.dataset.kind === "curves" && !["parameters", "shots"].includes(state.axis) && row.verdict === undefined && row.is_base === undefined) {
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
  function fillView(block) {
    if (block.dataset.hidden === undefined) return;
    block.innerHTML = hiddenViews[Number(block.dataset.hidden)];
    delete block.dataset.hidden;
    makeSortable(block);
    fade(block);
  }

  function showView() {
    for (const block of find("[data-view]")) {
      block.hidden = block.dataset.view !== `${state.metric}|${state.setting}`;
      if (!block.hidden) fillView(block);
    }
    for (const b of find("[data-metric-button]")) b.setAttribute("aria-pressed", String(Number(b.dataset.metricButton) === state.metric));
    showMenu();
    find("[data-setting-button]").forEach((b, i) => b.setAttribute("aria-pressed", String(i === state.setting)));
    find("details.data[open]").forEach(fillAny);
    find("[data-cause-words]").forEach(tellCause);
    watch();
  }

  // Not every task has every metric, so which ones a mean is over depends on the view.
  function tellCause(place) {
    const cause = data.causes[Number(place.dataset.causeWords)];
    const tasks = cause.tasks.filter((task) => chosen(task).length).map((task) => data.titles[task]);
    place.textContent = tasks.length ? `Mean over ${tasks.join(", ")}.` : notScored;
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

  function fade(root) {
    for (const cell of find("[data-size]", root)) {
      cell.classList.toggle("faded", state.isolated !== null && cell.dataset.size !== state.isolated);
    }
  }

  function showIsolated() {
    const legend = document.querySelector(".legend");
    legend.toggleAttribute("data-active", state.isolated !== null);
    find("[data-size-button]").forEach((b, i) => b.setAttribute("aria-pressed", String(data.sizes[i] === state.isolated)));
    fade(document);
    views.forEach((_, chart) => { if (inSight.has(chart) || chart.dataset.kind === "item") isolateIn(chart); });
  }

  // The colours of sizes where the legend has those of single runs.
  function nameSizes(place) {
    place.replaceChildren(...spread_specs.panels[0].sizes.flatMap((size, i) => {
      const swatch = element("i", "", "swatch");
      swatch.style.background = spread_specs.colours[themeName()][i];
      return [swatch, `${size} `];
    }));
  }

  function showTheme() {
    for (const swatch of find(".bar .swatch")) swatch.style.background = colours()[Number(swatch.dataset.rank)];
    find("[data-spread-sizes]").forEach(nameSizes);
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
  async function printWhole() {
    const root = document.documentElement, chosenTheme = root.dataset.theme;
    root.dataset.theme = "light"; // charts carry their ink with them, and paper is white
    showTheme();
    await Promise.all(charts.filter((chart) => !chart.closest("details:not([open])")).map(draw));
    print();
    if (chosenTheme) root.dataset.theme = chosenTheme;
    else delete root.dataset.theme;
    showTheme();
  }
  document.getElementById("print").addEventListener("click", printWhole);
  let resized;
  addEventListener("resize", () => { clearTimeout(resized); resized = setTimeout(() => { forms.clear(); watch(); }, 200); });
  addEventListener("scroll", () => { tip.hidden = true; }, { passive: true });
  addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && event.key === "p") {
      event.preventDefault(); // the browser's own print would leave out what was never in sight
      printWhole();
    }
    if (event.key !== "Escape") return;
    tip.hidden = true;
    if (menu?.open) { menu.open = false; menu.querySelector("summary").focus(); }
  });
  addEventListener("pointerdown", (event) => { if (menu?.open && !menu.contains(event.target)) menu.open = false; });
  const bar = document.querySelector(".bar");
  new ResizeObserver(() => document.documentElement.style.setProperty("--bar", `${bar.offsetHeight}px`)).observe(bar);

  // ---- data tables and downloads ----
  const { fillTable, fillDifferences, fillSpread } = tablesOf({ taskOf, chosen, checkpointsOf, metricTitle, shownDifferences: () => differences[viewIndex()],
    shownSpread: ({ dataset }) => spread_specs.panels.map(({ title }, panel) => ({ title, rows: spreadRows({ dataset: { ...dataset, panel } }) })),
  });
  const fillAny = (details) => {
    const { differences: ofTuning, spread: ofSeeds } = details.dataset;
    (ofTuning !== undefined ? fillDifferences : ofSeeds !== undefined ? fillSpread : fillTable)(details);
  };
  find("details.data").forEach((d) => d.addEventListener("toggle", () => { if (d.open) fillAny(d); }));

  const { trendsCsv, flipsCsv } = csvOf({ data, modelOf, checkpointsOf });

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

  function anchorOf(hash) {
    try { return decodeURIComponent(hash); } catch { return hash; } // a bare % is no escape
  }
  async function follow() {
    const anchor = anchorOf(location.hash.slice(1));
    if (explorer && anchor.startsWith("item-")) {
      await openItems();
      if (explorer.follow(anchor)) return;
    }
    document.getElementById(anchor)?.scrollIntoView();
  }
  addEventListener("hashchange", () => { if (location.hash.startsWith("#item-")) follow(); });

  makeSortable(document);
  showTheme();
  find("[data-cause-words]").forEach(tellCause);
  // The atlas has no height until it is drawn, and it stands above every task.
  draw(document.querySelector(".atlas .chart")).then(follow);
  document.body.dataset.ready = "";
})();
