/* The slowest groups, each a waterfall: a line an event, indented under its parent, with a bar on the group's time. */

function fallLine(group, node, number) {
	const whole = Math.max(group.end - group.start, 1e-9);
	const left = (node.start - group.start) / whole, long = Math.max(0, node.end - node.start);
	const bar = el("span", {className: "bar"});
	bar.style.left = Math.min(99.5, 100 * left).toFixed(3) + "%";
	bar.style.width = (100 * long / whole).toFixed(3) + "%";
	const what = el("span", {className: "what", textContent: node.missing ? "? " + (node.type || "not read") : node.type || "(no type)"});
	what.style.paddingLeft = Math.min(node.depth, 20) * 0.9 + "rem";
	const line = el("button", {
		type: "button", className: "fall" + (node.error ? " error" : "") + (node.missing ? " missing" : ""),
		title: node.type + (node.host ? " on " + node.host : ""),
	}, what, el("span", {className: "track"}, bar), el("span", {className: "long", textContent: node.missing ? "" : duration(long)}));
	if (node.missing) {
		line.disabled = true;
		return [line];
	}
	const box = el("div", {hidden: true, id: "fall-" + number});
	line.setAttribute("aria-expanded", "false");
	line.setAttribute("aria-controls", box.id);
	line.addEventListener("click", () => {
		box.hidden = !box.hidden;
		line.setAttribute("aria-expanded", String(!box.hidden));
		if (!box.hidden && !box.firstChild)
			box.append(eventText(node.event));
	});
	return [line, box];
}

let fallNumber = 0;

function waterfall(group) {
	const lines = group.nodes.map(node => fallLine(group, node, fallNumber++));
	const notes = [];
	if (group.events > group.held)
		notes.push(count(group.held) + " of its " + count(group.events) + " events are shown.");
	return [el("p", {className: "note", textContent: ["Begins " + time(group.start, 0.001) + ", lasts " +
		duration(group.end - group.start) + ". A line opens its event.", ...notes].join(" ")}), ...lines.flat()];
}

function showGroups(data) {
	if (data.groups.length === 0) {
		fill(byId("group-list"), [el("p", {className: "note", textContent: "No events with an id and a duration."})]);
		return;
	}
	fill(byId("group-list"), data.groups.map(g => item("group " + g.id, [
		el("span", {className: "number", textContent: duration(g.longest)}),
		el("span", {className: "name", textContent: g.head || "(no type)"}),
		el("span", {className: "dim", textContent: count(g.events) + (g.events === 1 ? " event" : " events") + "  " + g.id}),
		g.errors ? el("span", {className: "bad", textContent: count(g.errors) + (g.errors === 1 ? " error" : " errors")}) : null,
	].filter(Boolean), () => waterfall(g))));
}
