// The tables of the page as CSV.
"use strict";

function csvOf({ data, modelOf, checkpointsOf }) {
  // A text that a spreadsheet would run as a formula begins with an apostrophe, each of a list: some
  // spreadsheets part cells at semicolons (OWASP, CSV injection; store/spreadsheet.py does the same).
  const disarmed = (cell) => (typeof cell === "string" && /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/.test(cell) ? `'${cell}` : String(cell));
  function csvCell(cell) {
    if (cell === null || cell === undefined) return "";
    const text = Array.isArray(cell) ? cell.map(disarmed).join(";") : disarmed(cell);
    return /[",;\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  }
  const csv = (columns, rows) => [columns, ...rows].map((row) => row.map(csvCell).join(",")).join("\n") + "\n";

  function trendsCsv() {
    const columns = ["suite", "model", "size", "arm", "base_model", "seed", "parameters", "task", "shots",
      "prompt_format", "dtype", "metric", "step", "tokens", "arm_tokens", "flops", "value", "stderr",
      "n_items", "n_unscored", "chance", "constant_label", "has_items", "suspect"];
    const rows = [];
    for (const s of data.series) {
      const m = modelOf(s), setting = data.settings[s.c];
      for (const c of checkpointsOf(s)) {
        rows.push([m.suite, m.name, m.size, m.arm, m.base, m.seed, m.parameters, data.tasks[s.t], setting.shots,
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

  return { trendsCsv, flipsCsv };
}
