/* What Chart.js draws: events over time, and percentiles.  Drawings are kept and changed, so that they do not flicker. */

/* global Chart */

const drawn = {};

function draw(id, config) {
	if (drawn[id])
		drawn[id].destroy();
	drawn[id] = new Chart(byId(id), config);
}

function common() {
	Chart.defaults.color = variable("--dim");
	Chart.defaults.borderColor = variable("--line");
	Chart.defaults.font.family = "system-ui, sans-serif";
	return {animation: false, responsive: true, maintainAspectRatio: false, normalized: true};
}

function legend(position) {
	return {position, labels: {boxWidth: 12, boxHeight: 12}};
}

function drawTime(data) {
	const t = data.times, what = byId("time-what").value, dark = isDark();
	const starts = Array.from({length: t.stretches}, (_, i) => t.from + i * t.width);
	const oneDay = t.stretches * t.width <= 2 * 86400;
	draw("time-chart", {
		type: "bar",
		data: {
			labels: starts.map(s => oneDay ? clock(s, t.width) : time(s, t.width)),
			datasets: data.types.map((type, i) => ({
				label: type.name, data: t[what][i] || [], backgroundColor: colour(i, dark),
				barPercentage: 1, categoryPercentage: t.stretches > 60 ? 1 : 0.92,
			})).filter(set => what === "counts" || set.data.some(Boolean)),
		},
		options: Object.assign(common(), {
			interaction: {mode: "index", intersect: false},
			scales: {
				x: {stacked: true, grid: {display: false}, ticks: {maxRotation: 0, autoSkipPadding: 16}},
				y: {stacked: true, beginAtZero: true, ticks: {precision: 0}},
			},
			plugins: {
				legend: legend("bottom"),
				tooltip: {
					filter: one => one.raw > 0,
					itemSort: (a, b) => b.raw - a.raw,
					callbacks: {title: of => of.length ? time(starts[of[0].dataIndex], t.width) : ""},
				},
			},
		}),
	});
	const note = [];
	if (t.stretches)
		note.push("A bar is " + roundDuration(t.width) + ", " + (oneDay ? time(t.from, 86400) + ", " : "") + (zone === "utc" ? "UTC." : "local time."));
	if (t.outside)
		note.push(count(t.outside) + " events are far away in time and not drawn.");
	if (t.untimed)
		note.push(count(t.untimed) + " events have no time.");
	byId("time-note").textContent = note.join(" ");
}

function drawPercentiles(data) {
	const types = data.types.filter(t => t.timed > 0);
	byId("percentile-box").style.height = 70 + 34 * types.length + "px";
	const dark = isDark(), shades = [["p50", 0.95], ["p90", 0.6], ["p99", 0.32]];
	const rgb = dark ? "91, 155, 240" : "40, 100, 190";
	const least = Math.min(...types.map(t => t.p50 || Infinity));
	draw("percentile-chart", {
		type: "bar",
		data: {
			labels: types.map(t => t.name.length > 28 ? "…" + t.name.slice(-27) : t.name),
			datasets: shades.map(([key, alpha]) => ({
				label: key, data: types.map(t => t[key] || null), backgroundColor: "rgba(" + rgb + ", " + alpha + ")",
				categoryPercentage: 0.8, barPercentage: 0.95,
			})),
		},
		options: Object.assign(common(), {
			indexAxis: "y",
			scales: {
				x: {
					type: "logarithmic",
					min: isFinite(least) ? Math.pow(10, Math.floor(Math.log10(least) - 0.3)) : undefined,
					ticks: {callback: v => Math.abs(Math.log10(v) % 1) < 1e-9 || Math.abs(Math.log10(v) % 1) > 1 - 1e-9 ? roundDuration(v) : null, maxRotation: 0, autoSkip: false},
				},
				y: {grid: {display: false}},
			},
			plugins: {
				legend: legend("bottom"),
				tooltip: {callbacks: {label: one => one.dataset.label + "  " + duration(one.raw)}},
			},
		}),
	});
}

function showTypes(data) {
	const dark = isDark();
	fill(document.querySelector("#type-table tbody"), data.types.map((t, i) => {
		const swatch = el("span", {className: "swatch"});
		swatch.style.background = colour(i, dark);
		const name = t.types > 1 ? t.name + " (" + count(t.types) + " types)" : t.name;
		return el("tr", {},
			el("td", {title: t.name}, swatch, name),
			el("td", {textContent: count(t.count)}),
			el("td", {textContent: count(t.errors), className: t.errors ? "bad" : ""}),
			...["mean", "p50", "p90", "p99", "max"].map(key => el("td", {textContent: duration(t[key])})));
	}));
}
