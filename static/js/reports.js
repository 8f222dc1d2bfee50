// The plots of the capture report. Each draws the numbers of the table beside it; without scripts the table is enough.
const data = JSON.parse(document.getElementById("plots").textContent);
const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
const drawn = [];

// Colours come from the page's style sheet, so that both themes and high contrast hold here too.
function colour(name) {
  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);
  probe.style.color = `var(--${name})`;
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

// Stripes, so that two series differ without colour.
function stripes(line, ground) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 8;
  const pen = tile.getContext("2d");
  pen.fillStyle = ground;
  pen.fillRect(0, 0, 8, 8);
  pen.strokeStyle = line;
  pen.lineWidth = 2;
  pen.beginPath();
  for (const x of [-8, 0, 8]) { pen.moveTo(x - 1, 9); pen.lineTo(x + 9, -1); }
  pen.stroke();
  return pen.createPattern(tile, "repeat");
}

function look() {
  const ink = colour("ink-soft");
  const line = colour("line");
  return {
    ink,
    line,
    surface: colour("surface"),
    accent: colour("accent"),
    good: colour("good"),
    bad: colour("bad"),
    warn: colour("warn"),
    strong: colour("line-strong"),
  };
}

function axis(colours, title, more = {}) {
  return {
    title: { display: Boolean(title), text: title, color: colours.ink },
    ticks: { color: colours.ink, precision: 0, ...more.ticks },
    grid: { color: more.grid === false ? "transparent" : colours.line },
    border: { color: colours.strong },
    beginAtZero: true,
    ...more.scale,
  };
}

function shared(colours) {
  return {
    animation: still ? false : { duration: 250 },
    responsive: true,
    maintainAspectRatio: false,
    plugins: { legend: { labels: { color: colours.ink, boxWidth: 16, boxHeight: 12 } } },
  };
}

const KINDS = {
  weeks(c) {
    return {
      type: "bar",
      data: {
        labels: data.weeks.labels,
        datasets: [
          { label: "Additions", data: data.weeks.additions, backgroundColor: c.accent, borderColor: c.accent, borderWidth: 1.5, maxBarThickness: 38 },
          { label: "Deletions", data: data.weeks.deletions, backgroundColor: stripes(c.bad, c.surface), borderColor: c.bad, borderWidth: 1.5, maxBarThickness: 38 },
        ],
      },
      options: { ...shared(c), scales: { x: axis(c, "Week from", { grid: false }), y: axis(c, "Answers") } },
    };
  },
  conditions(c) {
    const short = (label) => (label.length > 30 ? `${label.slice(0, 28)}…` : label);
    return {
      type: "bar",
      data: {
        labels: data.conditions.labels.map(short),
        datasets: [
          { label: "Taken", data: data.conditions.taken, backgroundColor: c.accent, borderColor: c.accent, borderWidth: 1.5, maxBarThickness: 22 },
          { label: "Rejected", data: data.conditions.rejected, backgroundColor: stripes(c.bad, c.surface), borderColor: c.bad, borderWidth: 1.5, maxBarThickness: 22 },
          { label: "Queried", data: data.conditions.queried, backgroundColor: c.surface, borderColor: c.warn, borderWidth: 1.5, maxBarThickness: 22 },
        ],
      },
      options: {
        ...shared(c),
        indexAxis: "y",
        scales: {
          x: axis(c, "Suggested additions", { scale: { stacked: true } }),
          y: axis(c, "", { grid: false, scale: { stacked: true }, ticks: { autoSkip: false } }),
        },
      },
    };
  },
  coders(c) {
    const percent = (share) => Math.round(share * 1000) / 10;
    // Down to the end of the longest interval, in steps of ten.
    const lowest = Math.min(50, ...data.coders.map((coder) => Math.floor(percent(coder.low) / 10) * 10));
    const marks = ["circle", "rectRot", "triangle", "rect", "star", "crossRot"];
    const tones = [c.accent, c.bad, c.warn, c.good];
    return {
      type: "scatter",
      data: {
        datasets: data.coders.map((coder, n) => ({
          label: coder.name,
          data: [{ x: coder.pace, y: percent(coder.accuracy), low: percent(coder.low), high: percent(coder.high), n: coder.n }],
          pointStyle: marks[n % marks.length],
          radius: 7,
          hoverRadius: 9,
          borderWidth: 2,
          borderColor: tones[n % tones.length],
          backgroundColor: tones[n % tones.length],
        })),
      },
      options: {
        ...shared(c),
        scales: { x: axis(c, "Charts an hour", { ticks: { precision: undefined } }), y: axis(c, "Accuracy, %", { scale: { beginAtZero: false, suggestedMin: lowest, max: 100 } }) },
        plugins: {
          legend: { labels: { color: c.ink, usePointStyle: true } },
          tooltip: {
            callbacks: { label: ({ dataset, raw }) => `${dataset.label}: ${raw.y} % (${raw.low} to ${raw.high}, n ${raw.n}), ${raw.x} charts an hour` },
          },
        },
      },
      plugins: [whiskers],
    };
  },
};

// The 95 % interval of each accuracy, as a vertical line through its point.
const whiskers = {
  id: "whiskers",
  beforeDatasetsDraw(chart) {
    const pen = chart.ctx;
    const { y } = chart.scales;
    for (const [n, dataset] of chart.data.datasets.entries()) {
      const meta = chart.getDatasetMeta(n);
      if (meta.hidden || !meta.data.length) continue;
      const { x } = meta.data[0];
      const [low, high] = [dataset.data[0].low, dataset.data[0].high].map((value) => y.getPixelForValue(value));
      pen.save();
      pen.strokeStyle = dataset.borderColor;
      pen.lineWidth = 2;
      pen.beginPath();
      for (const end of [low, high]) { pen.moveTo(x - 6, end); pen.lineTo(x + 6, end); }
      pen.moveTo(x, low);
      pen.lineTo(x, high);
      pen.stroke();
      pen.restore();
    }
  },
};

function isEmpty(kind) {
  return kind === "coders" ? !data.coders.length : !data[kind].labels.length;
}

function draw() {
  for (const chart of drawn.splice(0)) chart.destroy();
  const colours = look();
  for (const plot of document.querySelectorAll("[data-plot]")) {
    plot.hidden = isEmpty(plot.dataset.plot);
    if (!plot.hidden) drawn.push(new window.Chart(plot.querySelector("canvas"), KINDS[plot.dataset.plot](colours)));
  }
}

if (window.Chart) {
  window.Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  draw();
  new MutationObserver(draw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
}
