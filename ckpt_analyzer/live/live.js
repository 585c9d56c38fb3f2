// Watches the server for a newer page, and keeps the reader's place when it loads it.
(() => {
  "use strict";
  const POLL_MS = 1500, KEY = "ckpt-analyzer-place";
  const here = document.currentScript.dataset.version;
  const find = (selector) => [...document.querySelectorAll(selector)];
  const line = document.createElement("p");
  line.setAttribute("role", "status");
  line.id = "live";
  line.style.cssText = "position:fixed;right:1rem;bottom:1rem;z-index:8;margin:0;padding:.35rem .75rem;max-width:min(40rem,90vw);max-height:40vh;overflow:auto;white-space:pre-wrap;border-radius:8px;font:14px/1.4 system-ui,sans-serif;background:#1d2430;color:#fff;box-shadow:0 2px 12px rgba(0,0,0,.3)";
  document.body.append(line);

  // Buttons and folds are told apart by what they say, not by their place: tables and sizes grow.
  const nameOf = (element) => {
    const chart = element.closest("[id]"), place = element.matches("button") ? "" : JSON.stringify({ ...element.dataset });
    return `${chart ? chart.id : ""}|${place}|${(element.querySelector("summary") ?? element).textContent.trim()}`;
  };
  const BUTTONS = "nav button[aria-pressed=true]", FOLDS = "main details[open]";

  // The filters of the items, which wait until the items come into sight.
  let waiting = null;
  const filtersNow = () => find("#items :is(select, input)[data-items]")
    .filter((each) => each.value).map((each) => [each.dataset.items, (each.selectedOptions?.[0] ?? { textContent: each.value }).textContent]);
  function filter(chosen) {
    waiting = null;
    for (const [name, words] of chosen) {
      const control = document.querySelector(`#items [data-items="${name}"]`);
      const option = [...(control.options ?? [])].find((each) => each.textContent === words);
      if (control.options && !option) continue;
      control.value = option ? option.value : words;
      control.dispatchEvent(new Event(option ? "change" : "input"));
    }
  }

  function remember() {
    // Sections and tasks only: ids inside of charts are made anew.
    const anchors = find("main section[id], main article[id]").filter((each) => each.getBoundingClientRect().top <= 200);
    const anchor = anchors.at(-1);
    sessionStorage.setItem(KEY, JSON.stringify({
      anchor: anchor ? anchor.id : null,
      offset: anchor ? anchor.getBoundingClientRect().top : -scrollY,
      pressed: find(BUTTONS).map(nameOf),
      open: find(FOLDS).map(nameOf),
      filters: waiting ?? filtersNow(),
      theme: document.documentElement.dataset.theme ?? null,
    }));
  }

  function scrollBack(place) {
    const anchor = place.anchor && document.getElementById(place.anchor);
    const top = anchor ? anchor.getBoundingClientRect().top : -scrollY;
    scrollBy({ top: top - place.offset, behavior: "instant" });
  }

  function restore() {
    const text = sessionStorage.getItem(KEY);
    if (!text) return;
    sessionStorage.removeItem(KEY);
    const place = JSON.parse(text);
    const theme = document.getElementById("theme");
    if (place.theme && theme && document.documentElement.dataset.theme !== place.theme) {
      const dark = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
      if (dark !== place.theme) theme.click();
    }
    for (const each of find("nav button[aria-pressed=false]")) {
      if (place.pressed.includes(nameOf(each))) each.click();
    }
    for (const each of find("main details:not([open])")) each.open = place.open.includes(nameOf(each));
    const items = document.getElementById("items");
    if (items && place.filters.length) {
      waiting = place.filters;
      whenMarked(items, () => items.dataset.ready !== undefined, () => filter(place.filters));
    }
    // Charts are drawn as they come into view and change the height above: hold the place meanwhile.
    history.scrollRestoration = "manual";
    let moved = false;
    const let_go = () => { moved = true; };
    for (const kind of ["wheel", "touchstart", "keydown", "pointerdown"]) addEventListener(kind, let_go, { once: true, passive: true });
    const until = performance.now() + 2500;
    const hold = () => {
      if (moved || performance.now() > until) return;
      scrollBack(place);
      requestAnimationFrame(hold);
    };
    hold();
  }

  const ready = () => document.body.dataset.ready !== undefined || !document.getElementById("payload");
  function whenMarked(element, isMarked, act) {
    if (isMarked()) { act(); return; }
    const watch = new MutationObserver(() => { if (isMarked()) { watch.disconnect(); act(); } });
    watch.observe(element, { attributes: true });
  }

  function say(text, isBad = false) {
    line.hidden = !text;
    line.textContent = text;
    line.style.background = isBad ? "#8c1d18" : "#1d2430";
  }

  async function look() {
    try {
      const answer = await fetch("state", { cache: "no-store" });
      const state = await answer.json();
      if (state.problem) say(`The page could not be built:\n${state.problem}`, true);
      else if (state.doing === "building") say(here ? "new results: building the page …" : "building the page …");
      else say("");
      if (state.version && state.version !== here) {
        remember();
        location.reload();
        return;
      }
    } catch {
      say("The server has ended; this page stays as it is.", true);
    }
    setTimeout(look, POLL_MS);
  }

  whenMarked(document.body, ready, restore);
  look();
})();
