/* The page as a whole: what is shown, and what was left out. */

let shown = null;

function tiles(data) {
	const t = data.times, to = t.from + t.stretches * t.width;
	const facts = [["events", count(data.events)], ["with an error", count(data.with_error)], ["types", count(data.shown_of_types)],
		["size", bytes(data.bytes)]];
	if (t.stretches)
		facts.push(["from", time(t.from, Math.min(t.width, 60))], ["to", time(to, Math.min(t.width, 60))]);
	fill(byId("tiles"), facts.map(([name, value]) => el("div", {}, el("dt", {textContent: name}), el("dd", {textContent: value}))));
}

/* Everything that this page does not show, in words. */
function leftOut(data) {
	const l = data.limits, out = [], others = data.types.find(t => t.types > 1 || t.name === "(all others)");
	if (data.stopped)
		out.push("Reading ended before all was read: " + data.stopped + ".");
	for (const line of (data.trouble || "").split("\n").filter(Boolean))
		out.push(line);
	if (others)
		out.push("Of " + count(data.shown_of_types) + " types the most frequent are shown one by one, the others as one." +
			(data.shown_of_types > l.types_counted ? " Past " + count(l.types_counted) + " types they are not told apart." : ""));
	if (data.events > data.samples.length)
		out.push("The search box knows " + count(data.samples.length) + " events drawn at random" +
			(data.groups.length || data.errors.length ? ", and those of the groups and errors that are shown." : "."));
	if (l.samples_too_large)
		out.push(count(l.samples_too_large) + " events would have been drawn and were too large.");
	if (data.groups.length === l.groups)
		out.push("Of groups the slowest " + count(l.groups) + " are shown.");
	if (data.groups.some(g => g.events > g.held))
		out.push("Of a group no more than " + count(l.group_events) + " events are shown, and less of large ones.");
	if (l.groups_let_go && data.groups.length)
		out.push("The events could be read once only, and " + count(l.groups_let_go) + " groups were let go meanwhile: a group that is shown may have had more events.");
	if (l.errors_beyond)
		out.push("There are more than " + count(l.error_groups) + " kinds of errors; " + count(l.errors_beyond) + " events of the others are only counted.");
	if (l.errors_unshown)
		out.push(count(l.errors_unshown) + " events with an error were too large to be shown.");
	if (data.times.outside)
		out.push(count(data.times.outside) + " events lie so far from the others in time that they are not drawn.");
	if (l.repeats)
		out.push(count(l.repeats) + " events that were there already were left out.");
	const box = byId("left-out");
	box.hidden = out.length === 0;
	box.firstElementChild.textContent = "What this page leaves out (" + out.length + ")";
	fill(box.lastElementChild, out.map(text => el("li", {textContent: text})));
}

function asked(data) {
	const q = data.query, only = [];
	if (q.types.length)
		only.push("types " + q.types.join(", "));
	if (q.where)
		only.push("where " + q.where);
	if (q.start_date)
		only.push("from " + q.start_date);
	if (q.end_date)
		only.push("to " + q.end_date);
	if (q.id)
		only.push("id " + q.id);
	if (q.errors_only)
		only.push("errors only");
	byId("asked").hidden = only.length === 0 || !byId("query").hidden;
	byId("asked").textContent = "Only events: " + only.join("; ");
}

function show(data) {
	shown = data;
	byId("source").textContent = data.source || "";
	document.title = "BlueOx: " + (data.source || "events");
	byId("made").textContent = "Made by oxview " + data.version + " at " + time(data.made, 1) + (zone === "utc" ? " UTC" : "") + ".";
	asked(data);
	tiles(data);
	leftOut(data);
	drawTime(data);
	showTypes(data);
	drawPercentiles(data);
	heatChoices(data);
	drawHeat(data);
	showGroups(data);
	showErrors(data);
	searchTake(data);
	search();
}

const system = window.matchMedia("(prefers-color-scheme: dark)");

function applyTheme() {
	const chosen = byId("theme").value;
	document.documentElement.dataset.theme = chosen === "auto" ? (system.matches ? "dark" : "light") : chosen;
	if (shown)
		show(shown);
}

function listen() {
	byId("theme").addEventListener("change", applyTheme);
	system.addEventListener("change", applyTheme);
	byId("zone").addEventListener("change", () => {
		zone = byId("zone").value;
		if (shown)
			show(shown);
	});
	byId("time-what").addEventListener("change", () => shown && drawTime(shown));
	byId("heat-type").addEventListener("change", () => shown && drawHeat(shown));
	byId("heat").addEventListener("keydown", e => shown && heatKey(shown, e));
	byId("search").addEventListener("input", () => shown && search());
}
