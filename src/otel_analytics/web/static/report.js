// Draws the charts of a report, which holds all of its data.

const read = (id) => JSON.parse(document.getElementById(id).textContent);
const charts = read("charts");
const themes = read("themes");
const dark = window.matchMedia("(prefers-color-scheme: dark)");
let views = [];

async function draw() {
  views.splice(0).forEach((view) => view.finalize());
  for (const [id, chart] of Object.entries(charts)) {
    const view = await window.vegaEmbed(document.querySelector(`#panel-${id} .chart`), chart, {
      config: { ...(dark.matches ? themes.dark : themes.light), background: "transparent" },
      logLevel: 1, // errors
      ast: true,
      actions: false,
      renderer: "canvas",
      defaultStyle: false,
      tooltip: { disableDefaultStyle: true },
    });
    views.push(view);
  }
  document.documentElement.dataset.drawn = "true";
}

dark.addEventListener("change", draw);
draw();
