// Reads what the page carries deflated: see payload.py, item_payload.py, item_texts.py and item_words.py.
"use strict";

// Two characters are 13 bits; the first character says how many bytes of padding to drop.
function bytesOf(text) {
  const letters = new Uint8Array(128);
  for (let code = 33, place = 0; code < 127; code++) if (!'<&"'.includes(String.fromCharCode(code))) letters[code] = place++;
  const bytes = new Uint8Array(Math.floor(((text.length - 1) / 2) * 13 / 8) - Number(text[0]));
  let kept = 0, n_kept = 0, next = 0;
  for (let i = 1; i < text.length; i += 2) {
    kept = (kept << 13) | (letters[text.charCodeAt(i)] * 91 + letters[text.charCodeAt(i + 1)]);
    n_kept += 13;
    while (n_kept >= 8 && next < bytes.length) bytes[next++] = (kept >>> (n_kept -= 8)) & 255;
    kept &= (1 << n_kept) - 1;
  }
  return bytes;
}

async function unpacked(id) {
  const bytes = bytesOf(document.getElementById(id).textContent);
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate")));
}

// Whole numbers lie in planes: the lowest byte of each, then the next.
function numbersAt(bytes, [start, count, planes]) {
  const numbers = new Uint32Array(count);
  for (let p = 0; p < planes; p++) {
    const plane = start + p * count;
    for (let i = 0; i < count; i++) numbers[i] |= bytes[plane + i] << (8 * p);
  }
  return numbers;
}

const textAt = (bytes, [start, length]) => new TextDecoder().decode(bytes.subarray(start, start + length));

// Which member stands at each place of a sequence: 0 is a new one, 1 what followed last time,
// 2 + n the one that occurred n before the newest.
function membersOf(codes) {
  const members = new Uint32Array(codes.length), successor = [];
  let newest = -1, before = -1;
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i];
    const member = code === 0 ? ++newest : code === 1 ? successor[before + 1] : newest + 2 - code;
    successor[before + 1] = member;
    members[i] = before = member;
  }
  return members;
}

// Texts of words: n is the word n - 1, 0 ends a text.
function unworded(words, codes) {
  const texts = [];
  let text = "";
  for (const code of codes) {
    if (code) text += words[code - 1];
    else { texts.push(text); text = ""; }
  }
  return texts;
}

// Texts whose lines are kept once each, numbers apart.
class Texts {
  static SLOT = "\ue000";

  constructor(bytes, place) {
    const templates = unworded(JSON.parse(textAt(bytes, place.words)), numbersAt(bytes, place.word_codes))
      .map((text) => text.split(Texts.SLOT));
    const numbers = textAt(bytes, place.numbers).split(" ");
    const isWhole = numbers.length === 1 && numbers[0] === ""; // no numbers were taken out
    let next = 0;
    this.distinct = Array.from(membersOf(numbersAt(bytes, place.template_codes)), (t) => {
      const pieces = templates[t];
      if (isWhole || pieces.length === 1) return pieces.join(Texts.SLOT);
      let line = pieces[0];
      for (let i = 1; i < pieces.length; i++) line += numbers[next++] + pieces[i];
      return line;
    });
    this.lines = membersOf(numbersAt(bytes, place.lines));
    const counts = numbersAt(bytes, place.n_lines);
    this.starts = new Uint32Array(counts.length + 1);
    counts.forEach((count, i) => { this.starts[i + 1] = this.starts[i] + count; });
  }

  linesOf(i) {
    return this.lines.subarray(this.starts[i], this.starts[i + 1]);
  }

  text(i) {
    return Array.from(this.linesOf(i), (line) => this.distinct[line]).join("");
  }

  // Lines that half of the first texts have: they tell nothing apart.
  get common() {
    if (!this.shared) {
      const seen = new Uint32Array(this.distinct.length), n = Math.min(400, this.starts.length - 1);
      for (let i = 0; i < n; i++) for (const line of new Set(this.linesOf(i))) seen[line] += 1;
      this.shared = seen.map((count) => Number(n > 1 && count > n / 2));
    }
    return this.shared;
  }

  // What sets a text apart, on one line.
  gist(i) {
    const own = Array.from(this.linesOf(i)).filter((line) => !this.common[line]);
    const lines = own.length ? own : Array.from(this.linesOf(i));
    return lines.map((line) => this.distinct[line]).join(" ").replace(/\s+/g, " ").trim();
  }

  // Whether each text has `query` in one of its lines, as `read` shows them; `query` is in lower case.
  having(query, read = (line) => line) {
    const isFound = this.distinct.map((line) => read(line).toLowerCase().includes(query));
    return Uint8Array.from({ length: this.starts.length - 1 }, (_, i) => this.linesOf(i).some((line) => isFound[line]));
  }
}

// A task of the explorer, unpacked when its parts are first asked for.
class ItemTask {
  constructor(bytes, place, header) {
    Object.assign(this, { bytes, place, t: place.t, n: place.n, unit: place.unit, range: place.range, shots: place.shots });
    this.series = place.series.map((series) => ({
      ...series, codes: bytes.subarray(series.codes[0], series.codes[0] + series.codes[1]),
    }));
    this.levels = header.levels;
    this.n_shapes = header.shapes.length;
    this.kept = {};
  }

  once(name, make) {
    return (this.kept[name] ??= make());
  }

  get texts() { return this.once("texts", () => new Texts(this.bytes, this.place.texts)); }
  get choices() { return this.once("choices", () => new Texts(this.bytes, this.place.choices)); }
  get ids() {
    const { ids } = this.place;
    return this.once("ids", () => (ids ? JSON.parse(textAt(this.bytes, ids)) : Array.from({ length: this.n }, (_, i) => String(i))));
  }

  gold(i) { return this.bytes[this.place.gold[0] + i]; }
  choicesOf(i) { return JSON.parse(this.choices.text(i)); }
  answer(series, i) { return Math.floor(series.codes[i] / this.n_shapes); }
  shape(series, i) { return series.codes[i] % this.n_shapes; }

  // Values at the carried checkpoints, null where not scored.
  values(series, i) {
    let level = 0;
    return series.steps.map((_, s) => {
      level = (level + this.bytes[series.v[0] + s * this.n + i]) % 256;
      return level ? this.range[0] + ((level - 1) / this.levels) * (this.range[1] - this.range[0]) : null;
    });
  }
}

async function unpackedItems() {
  const bytes = new Uint8Array(await (await unpacked("items-payload")).arrayBuffer());
  const length = new DataView(bytes.buffer).getUint32(0, true);
  const header = JSON.parse(textAt(bytes, [4, length]));
  const streams = bytes.subarray(4 + length);
  return { ...header, tasks: header.tasks.map((place) => new ItemTask(streams, place, header)) };
}
