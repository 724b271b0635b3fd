/* Errors by what they are. */

function nameList(names, more) {
	return names.join(", ") + (more ? " and others" : "") || "–";
}

function errorInside(e, key) {
	const facts = [["first", time(e.first, 0.001)], ["last", time(e.last, 0.001)], ["hosts", nameList(e.hosts, e.more_hosts)],
		["types", nameList(e.types, e.more_types)], ["fingerprint", e.print]];
	return [
		el("table", {className: "facts"}, el("tbody", {}, ...facts.map(([name, value]) => el("tr", {}, el("td", {textContent: name}), el("td", {textContent: value}))))),
		e.stack ? el("pre", {className: "stack", textContent: e.stack}) : el("p", {className: "note", textContent: "It carries no stack."}),
		...e.samples.map((json, i) => eventItem(key + " " + i, json)),
	];
}

function showErrors(data) {
	if (data.errors.length === 0) {
		fill(byId("error-list"), [el("p", {className: "note", textContent: "None."})]);
		return;
	}
	fill(byId("error-list"), data.errors.map(e => {
		const key = "error " + e.print;
		return item(key, [
			el("span", {className: "number bad", textContent: count(e.count) + "×"}),
			el("span", {className: "name", textContent: [e.class, e.code].filter(Boolean).join(" ") || "error"}),
			el("span", {className: "dim", textContent: e.message || ""}),
		], () => errorInside(e, key));
	}));
}
