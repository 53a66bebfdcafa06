// Draws the panels of Grafana's JSON: timeseries as lines, stat as numbers, table as rows. Each panel says in
// data-series how many series it shows; body has data-done when all are drawn.
const colours = ["#1f78c1", "#e24d42", "#7eb26d", "#eab839", "#ba43a9", "#6ed0e0", "#ef843c", "#705da0"];
const window_seconds = 120, step = 2;

function readable(value, unit) {
	if (unit === "s" && Math.abs(value) >= 172800) return (value / 86400).toFixed(1) + " d";
	if (unit === "s") return value < 1 ? (value * 1000).toFixed(1) + " ms" : value.toFixed(0) + " s";
	if (unit === "percentunit") return (value * 100).toFixed(1) + " %";
	const suffix = { bytes: "B", Bps: "B/s", pps: "p/s", cps: "/s" }[unit] || "";
	for (const [size, letter] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]])
		if (Math.abs(value) >= size) return (value / size).toFixed(1) + " " + letter + suffix;
	return (Number.isInteger(value) ? value : value.toFixed(2)) + " " + suffix;
}

function legend(format, labels) {
	return format.replace(/{{\s*(\w+)\s*}}/g, (_, name) => labels[name] || "");
}

async function ask(target, ranged) {
	const now = Math.floor(Date.now() / 1000);
	const query = ranged ? { query: target.expr, start: now - window_seconds, end: now, step } : { query: target.expr };
	const path = ranged ? "query_range?" : "query?";
	const answer = await fetch(dashboard.prometheus + "/api/v1/" + path + new URLSearchParams(query));
	const { data } = await answer.json();
	return data.result.map(series => ({
		name: legend(target.legendFormat, series.metric),
		points: (series.values || [series.value]).map(([t, v]) => [t, parseFloat(v)]).filter(([, v]) => isFinite(v)),
	})).filter(series => series.points.length > 0);
}

function element(parent, name, text, attributes = {}) {
	const made = parent.namespaceURI.endsWith("svg") || name === "svg"
		? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
	for (const key in attributes) made.setAttribute(key, attributes[key]);
	if (text) made.textContent = text;
	return parent.appendChild(made);
}

function draw_lines(section, all, unit) {
	const svg = element(section, "svg", "", { viewBox: "0 0 300 100", preserveAspectRatio: "none" });
	const times = all.flatMap(s => s.points.map(p => p[0])), values = all.flatMap(s => s.points.map(p => p[1]));
	const first = Math.min(...times), last = Math.max(...times), top = Math.max(...values) || 1;
	all.forEach((series, i) => {
		const points = series.points.map(([t, v]) =>
			`${(t - first) / (last - first || 1) * 300},${98 - v / top * 94}`).join(" ");
		element(svg, "polyline", "", { points, fill: "none", stroke: colours[i % colours.length],
			"stroke-width": 1.5, "vector-effect": "non-scaling-stroke" });
	});
	all.slice(0, 12).forEach((series, i) => {
		const latest = series.points[series.points.length - 1][1];
		element(section, "span", `${series.name}: ${readable(latest, unit)}`,
			{ class: "name", style: `color:${colours[i % colours.length]}` });
	});
	if (all.length > 12) element(section, "span", `and ${all.length - 12} more`, { class: "name" });
}

function draw_values(section, all, unit, table) {
	const parent = table ? element(section, "table") : section;
	for (const series of all.slice(0, 20)) {
		const row = element(parent, table ? "tr" : "div"), value = readable(series.points[0][1], unit);
		if (table) {
			element(row, "td", series.name);
			element(row, "td", value);
		} else {
			element(row, "span", value, { class: "stat" });
			element(row, "span", " " + series.name, { class: "name" });
		}
	}
}

async function draw(panel) {
	const place = panel.gridPos, unit = panel.fieldConfig.defaults.unit;
	const section = element(document.body, "section", "", { style: `grid-column: span ${place.w}` });
	element(section, "h2", panel.title);
	let all = [];
	for (const target of panel.targets) all = all.concat(await ask(target, panel.type === "timeseries"));
	section.dataset.title = panel.title;
	section.dataset.series = all.length;
	if (panel.type === "timeseries") draw_lines(section, all, unit);
	else draw_values(section, all, unit, panel.type === "table");
}

addEventListener("DOMContentLoaded", async () => {
	await Promise.all(dashboard.panels.map(draw));
	document.body.dataset.done = dashboard.panels.length;
});
