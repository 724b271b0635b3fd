/* The heat map: time from left to right, duration upwards, the more events the darker.  Plain SVG; arrow keys move. */

const svgNamespace = "http://www.w3.org/2000/svg";
const heat = {cells: new Map(), at: null, box: null};

function svg(tag, attributes, text) {
	const e = document.createElementNS(svgNamespace, tag);
	for (const [key, value] of Object.entries(attributes))
		e.setAttribute(key, value);
	if (text !== undefined)
		e.textContent = text;
	return e;
}

/* Cells of one type, or of all: "stretch,row" to count. */
function heatCells(data, which) {
	const cells = new Map();
	data.times.heat.forEach((list, i) => {
		if (which !== "all" && Number(which) !== i)
			return;
		for (let k = 0; k < list.length; k += 3) {
			const key = list[k] + "," + list[k + 1];
			cells.set(key, (cells.get(key) || 0) + list[k + 2]);
		}
	});
	return cells;
}

function rowFrom(data, row) {
	const r = data.times.rows;
	return row === 0 ? 0 : r.least * Math.pow(10, row / r.per_decade);
}

function heatSay(data) {
	const t = data.times, note = byId("heat-note");
	if (heat.cells.size === 0) {
		note.textContent = "No events with a duration.";
		return;
	}
	if (!heat.at) {
		note.textContent = "Point at a field, or move with the arrow keys, to read it.";
		return;
	}
	const [x, row] = heat.at, last = row === t.rows.count - 1;
	note.textContent = time(t.from + x * t.width, t.width) + ", " + duration(rowFrom(data, row)) + (last ? " or longer" : " to " +
		duration(rowFrom(data, row + 1))) + ": " + count(heat.cells.get(x + "," + row) || 0) + " events";
}

function heatMove(data, x, row) {
	const b = heat.box, t = data.times;
	if (!b)
		return;
	heat.at = [Math.max(0, Math.min(t.stretches - 1, x)), Math.max(b.low, Math.min(b.high, row))];
	b.cursor.setAttribute("x", b.left + heat.at[0] * b.cellWidth);
	b.cursor.setAttribute("y", b.top + (b.high - heat.at[1]) * b.cellHeight);
	b.cursor.setAttribute("visibility", "visible");
	heatSay(data);
}

function heatAxes(data, root, b, width) {
	const t = data.times, per = t.rows.per_decade;
	for (let row = Math.ceil(b.low / per) * per; row <= b.high + 1; row += per) {
		const y = b.top + (b.high + 1 - row) * b.cellHeight;
		root.append(svg("line", {x1: b.left, x2: width, y1: y, y2: y, class: "grid"}));
		root.append(svg("text", {x: b.left - 6, y: y + 4, "text-anchor": "end"}, roundDuration(rowFrom(data, row) || t.rows.least)));
	}
	const marks = Math.min(6, t.stretches), oneDay = t.stretches * t.width <= 2 * 86400;
	for (let k = 0; k < marks; k++) {
		const i = Math.floor(k * t.stretches / marks), at = t.from + i * t.width;
		root.append(svg("text", {x: b.left + i * b.cellWidth, y: b.bottom + 16}, oneDay ? clock(at, t.width) : time(at, t.width)));
	}
}

function drawHeat(data) {
	const t = data.times, width = 1000;
	heat.cells = heatCells(data, byId("heat-type").value);
	heat.at = heat.box = null;
	const rows = [...heat.cells.keys()].map(key => Number(key.split(",")[1]));
	heatSay(data);
	if (rows.length === 0) {
		fill(byId("heat"), []);
		return;
	}
	const b = {low: Math.max(0, Math.min(...rows) - 1), high: Math.min(t.rows.count - 1, Math.max(...rows) + 1), left: 64, top: 8};
	b.cellWidth = (width - b.left) / t.stretches;
	b.cellHeight = Math.max(9, Math.min(20, 260 / (b.high - b.low + 1)));
	b.bottom = b.top + (b.high - b.low + 1) * b.cellHeight;
	const root = svg("svg", {viewBox: "0 0 " + width + " " + (b.bottom + 24), "aria-hidden": "true"});
	heatAxes(data, root, b, width);
	const most = Math.log1p(Math.max(...heat.cells.values()));
	for (const [key, n] of heat.cells) {
		const [x, row] = key.split(",").map(Number);
		root.append(svg("rect", {
			x: b.left + x * b.cellWidth, y: b.top + (b.high - row) * b.cellHeight, width: Math.max(1, b.cellWidth - 0.4),
			height: b.cellHeight - 0.6, class: "cell", "fill-opacity": (0.1 + 0.9 * Math.log1p(n) / most).toFixed(3),
		}));
	}
	b.cursor = svg("rect", {width: b.cellWidth, height: b.cellHeight, class: "cursor", visibility: "hidden"});
	root.append(b.cursor);
	root.addEventListener("pointermove", e => {
		const place = root.getBoundingClientRect(), scale = width / place.width;
		heatMove(data, Math.floor(((e.clientX - place.left) * scale - b.left) / b.cellWidth),
			b.high - Math.floor(((e.clientY - place.top) * scale - b.top) / b.cellHeight));
	});
	heat.box = b;
	fill(byId("heat"), [root]);
}

const heatSteps = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1]};

function heatKey(data, e) {
	const step = heatSteps[e.key];
	if (!step || !heat.box)
		return;
	e.preventDefault();
	const [x, row] = heat.at || [0, heat.box.low];
	heatMove(data, x + step[0], row + step[1]);
}

function heatChoices(data) {
	const select = byId("heat-type"), before = select.value || "all";
	fill(select, [el("option", {value: "all", textContent: "all types"}),
		...data.types.map((t, i) => el("option", {value: String(i), textContent: t.name}))]);
	select.value = before;
	if (select.value !== before)
		select.value = "all";
}
