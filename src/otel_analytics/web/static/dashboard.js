// Loads panels as they come into view, draws them, and follows what runs. Everything that is put
// into the page as HTML was escaped by the server.

const dark = window.matchMedia("(prefers-color-scheme: dark)");
const drawn = new Map();

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
  button.textContent = card.dataset.again;
  button.addEventListener("click", () => load(card));
  return button;
}

async function load(card) {
  const body = card.querySelector(".body");
  body.setAttribute("aria-busy", "true");
  let answer;
  try {
    const response = await fetch(card.dataset.panel);
    answer = await response.json();
  } catch {
    failed(card, card.dataset.network);
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
    body.querySelector(".chart").textContent = card.dataset.broken;
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
  cards.forEach((card) => watcher.observe(card));
  dark.addEventListener("change", () => {
    for (const [card, { chart }] of drawn) draw(card, chart);
  });
}

function closeMenus(event) {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (event.type === "keydown" ? event.key === "Escape" : !menu.contains(event.target)) {
      if (event.type === "keydown") menu.querySelector("summary").focus();
      menu.open = false;
    }
  }
}

async function follow(live) {
  const address = live.querySelector("[data-live]")?.dataset.live;
  if (!address) return;
  await new Promise((resolve) => setTimeout(resolve, 1000));
  if (!document.hidden) {
    try {
      const response = await fetch(address);
      if (response.ok) replace(live, await response.text());
    } catch {
      // it is asked again
    }
  }
  follow(live);
}

function replace(live, html) {
  const open = [...live.querySelectorAll("details[open][id]")].map((one) => one.id);
  const places = [...live.querySelectorAll(".scroll")].map((one) => [one.scrollLeft, one.scrollTop]);
  const focused = document.activeElement?.closest("a[href]")?.getAttribute("href");
  live.innerHTML = html;
  for (const id of open) live.querySelector(`#${CSS.escape(id)}`)?.setAttribute("open", "");
  live.querySelectorAll(".scroll").forEach((one, at) => {
    [one.scrollLeft, one.scrollTop] = places[at] ?? [0, 0];
  });
  if (focused) live.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}

function reloadLater(element) {
  setTimeout(() => {
    if (document.hidden) reloadLater(element);
    else location.reload();
  }, Number(element.dataset.reload));
}

loadInView();
document.querySelectorAll("[data-reload]").forEach(reloadLater);
document.addEventListener("click", closeMenus);
document.addEventListener("keydown", closeMenus);
const live = document.getElementById("live");
if (live) follow(live);
