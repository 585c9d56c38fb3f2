// An element, a number and a count of tokens, as the page writes them.
"use strict";

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
