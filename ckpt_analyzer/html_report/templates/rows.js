// Rows for the charts, out of the columns of the payload. Nothing is drawn here.
"use strict";

// page: data, specs, and the state, which is read at every call.
function rowsOf({ data, specs, state }) {
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
    if (!series.plain) {
      series.v = summed(series.v);
      series.se = summed(series.se);
    }
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
      return [{ label: "chance,\nconstant", y: chance }];
    }
    return [["chance", chance], ["constant", constant]]
      .filter(([, y]) => y !== undefined)
      .map(([label, y]) => ({ label, y }));
  }

  // Over parameters: a curve per checkpoint, those that the panel names, and seed.
  function stepRows(task, panel) {
    const last = panel.steps.at(-1), rows = [];
    for (const series of chosen(task)) {
      if (!inPanel(series, panel)) continue;
      for (const c of checkpointsOf(series)) {
        if (c.value === null || c.suspect || !panel.steps.includes(c.step)) continue;
        rows.push({
          size: sizeOf(series), x: c.model.parameters, step: c.step, run: String(c.model.seed ?? ""),
          tokens: c.x, value: c.value, stderr: c.stderr, is_last: c.step === last,
        });
      }
    }
    return rows;
  }

  // Over shots: each model at its last trusted checkpoint, in all settings that differ by shots alone.
  function shotRows(task, panel) {
    const now = data.settings[state.setting], rows = [], last = new Map();
    for (const [c, setting] of data.settings.entries()) {
      if (setting.prompt_format !== now.prompt_format || setting.dtype !== now.dtype) continue;
      for (const series of seriesOf.get(`${task}|${state.metric}|${c}`) ?? []) {
        if (!inPanel(series, panel)) continue;
        const end = trusted(series).at(-1);
        if (!end) continue;
        last.set(series.m, Math.max(last.get(series.m) ?? 0, end.step));
        rows.push({ m: series.m, size: sizeOf(series), x: setting.shots, step: end.step, value: end.value, stderr: end.stderr });
      }
    }
    return rows.filter((row) => row.step === last.get(row.m)).sort((a, b) => a.x - b.x);
  }

  // The height of a flip over shots is read off its curve, between the shots that were scored.
  function shotFlips(task, panel) {
    const now = data.settings[state.setting], points = shotRows(task, panel), along = (x) => Math.log1p(x);
    return data.flips
      .filter((flip) => flip.axis === "shots" && flip.t === task && flip.k === state.metric && inPanel(flip, panel))
      .filter((flip) => flip.prompt_format === now.prompt_format && flip.dtype === now.dtype)
      .flatMap((flip) => {
        const curve = points.filter((row) => row.m === flip.m && row.step === flip.step);
        const i = curve.findIndex((row) => row.x >= flip.x);
        if (i < 0) return [];
        const a = curve[Math.max(i - 1, 0)], b = curve[i], span = along(b.x) - along(a.x);
        const y = span ? a.value + ((b.value - a.value) * (along(flip.x) - along(a.x))) / span : b.value;
        return [{ ...flip, size: b.size, y }];
      });
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
      for (const row of state.axis === "shots" ? shotRows(task, panel) : pointRows(task, panel)) {
        const reach = BAND_STDERRS * (row.stderr ?? 0);
        see(row.value - reach); see(row.value + reach);
      }
    }
    if (state.axis !== "shots") for (const panel of specs.panels) for (const row of startRows(task, panel)) see(row.value);
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

  return {
    taskOf, modelOf, chosen, checkpointsOf, pointRows, referenceRows, stepRows, startRows, flipRows, fitRows, limits, labelled,
    shotRows, shotFlips,
  };
}
