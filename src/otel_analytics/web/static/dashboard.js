// Loads panels as they come into view, draws them, and follows what runs. Everything that is put
// into the page as HTML was escaped by the server.

const dark = window.matchMedia("(prefers-color-scheme: dark)");
const drawn = new Map();
const texts = document.body.dataset;

function themes() {
  return JSON.parse(document.getElementById("themes").textContent);
}

function vega() {
  // the module after this one sets it, while panels are asked for already
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const look = () => {
      if (window.vegaEmbed) resolve(window.vegaEmbed);
      else if (performance.now() - began > 30000) reject(new Error("vega.js did not load"));
      else setTimeout(look, 30);
    };
    look();
  });
}

async function draw(card, chart) {
  const place = card.querySelector(".chart");
  if (!place) return;
  const embed = await vega();
  drawn.get(card)?.view?.finalize();
  const view = await embed(place, chart, {
    config: { ...(dark.matches ? themes().dark : themes().light), background: "transparent" },
    logLevel: 1, // errors
    ast: true,
    actions: false,
    renderer: "canvas",
    defaultStyle: false,
    tooltip: { disableDefaultStyle: true },
  });
  drawn.set(card, { chart, view });
}

// Returns an answer of this kind, or else throws with what to tell of why there is none.
async function ask(address, kind) {
  let response;
  try {
    response = await fetch(address);
  } catch {
    throw new Error(texts.network);
  }
  if (response.status === 401) throw new Error(texts.token);
  const isOfKind = response.headers.get("content-type")?.startsWith(kind);
  // a page of an error is not the page; JSON says itself what is wrong
  if (!isOfKind || (kind === "text/html" && !response.ok)) throw new Error(texts.other);
  return response;
}

function failed(card, message) {
  const body = card.querySelector(".body");
  const box = document.createElement("div");
  box.className = "failure";
  box.setAttribute("role", "alert");
  const text = document.createElement("p");
  text.textContent = message;
  box.append(text, again(card));
  body.replaceChildren(box);
}

function again(card) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = texts.again;
  button.addEventListener("click", () => load(card));
  return button;
}

async function load(card) {
  const body = card.querySelector(".body");
  body.setAttribute("aria-busy", "true");
  let answer;
  try {
    answer = await (await ask(card.dataset.panel, "application/json")).json();
  } catch (error) {
    failed(card, error.message);
    body.setAttribute("aria-busy", "false");
    return;
  }
  body.innerHTML = answer.html;
  const button = body.querySelector("[data-try-again]");
  if (button) button.replaceWith(again(card));
  try {
    if (answer.chart) await draw(card, answer.chart);
  } catch (error) {
    console.error(error);
    body.querySelector(".chart").textContent = texts.chart;
  }
  body.setAttribute("aria-busy", "false");
}

function loadInView() {
  const cards = document.querySelectorAll("[data-panel]");
  const watcher = new IntersectionObserver(
    (entries) => {
      for (const entry of entries.filter((one) => one.isIntersecting)) {
        watcher.unobserve(entry.target);
        load(entry.target);
      }
    },
    { rootMargin: "300px" },
  );
  for (const card of cards) {
    // what is in view is asked for before Vega is evaluated, which the watcher would wait for
    if (card.getBoundingClientRect().top < innerHeight) load(card);
    else watcher.observe(card);
  }
  dark.addEventListener("change", () => {
    for (const [card, { chart }] of drawn) draw(card, chart);
  });
}

function closeMenus(event) {
  if (event.key === "Escape") document.activeElement?.closest(".info")?.blur();
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (event.type === "keydown" ? event.key === "Escape" : !menu.contains(event.target)) {
      if (event.type === "keydown") menu.querySelector("summary").focus();
      menu.open = false;
    }
  }
}

async function follow(live, since = new Date()) {
  const part = live.querySelector("[data-live]");
  if (!part) return;
  await new Promise((resolve) => setTimeout(resolve, Number(part.dataset.every)));
  if (!document.hidden) {
    try {
      replace(live, await (await ask(part.dataset.live, "text/html")).text());
      since = new Date();
      tellStale("");
    } catch (error) {
      tellStale(`${texts.stale} ${since.toLocaleTimeString(document.documentElement.lang)}. ${error.message}`);
    }
  }
  follow(live, since);
}

function tellStale(text) {
  const note = document.getElementById("stale");
  note.hidden = !text;
  // said again only if it is another
  if (note.textContent !== text) note.textContent = text;
}

// What an element that can have the focus is known by when it is replaced.
function keyOf(element) {
  const names = ["href", "aria-describedby", "aria-label"].map((one) => element.getAttribute(one));
  return `${element.tagName} ${names.find(Boolean) ?? element.closest("details")?.id}`;
}

function replace(live, html) {
  const open = [...live.querySelectorAll("details[open][id]")].map((one) => one.id);
  const places = [...live.querySelectorAll(".scroll")].map((one) => [one.scrollLeft, one.scrollTop]);
  const focused = live.contains(document.activeElement) ? keyOf(document.activeElement) : null;
  live.innerHTML = html;
  for (const id of open) live.querySelector(`#${CSS.escape(id)}`)?.setAttribute("open", "");
  live.querySelectorAll(".scroll").forEach((one, at) => {
    [one.scrollLeft, one.scrollTop] = places[at] ?? [0, 0];
  });
  if (focused) {
    const all = [...live.querySelectorAll("a[href], button, summary, [tabindex]")];
    all.find((one) => keyOf(one) === focused)?.focus({ preventScroll: true });
  }
}

// Loads the page anew once it is another, so that nobody loses their place in it before.
function reloadLater(element) {
  setTimeout(async () => {
    try {
      const answer = document.hidden ? null : await (await ask(location.href, "text/html")).text();
      if (answer && !answer.includes("data-reload")) return location.reload();
    } catch {
      // it is asked again
    }
    reloadLater(element);
  }, Number(element.dataset.reload));
}

loadInView();
document.querySelectorAll("[data-reload]").forEach(reloadLater);
document.addEventListener("click", closeMenus);
document.addEventListener("keydown", closeMenus);
const live = document.getElementById("live");
if (live) follow(live);
