/* One event, from the text of its JSON.  Numbers are shown as they are written: JavaScript would round the large ones. */

const words = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null|[{}[\],:]/g;

/* The text over several lines, as [class, text] pairs. */
function* laidOut(json) {
	let depth = 0;
	const tokens = json.match(words) || [];
	const line = () => "\n" + "  ".repeat(depth);
	for (let i = 0; i < tokens.length; i++) {
		const t = tokens[i], next = tokens[i + 1];
		if (t === "{" || t === "[") {
			if (next === "}" || next === "]") {
				yield ["", t + next];
				i++;
			} else {
				depth++;
				yield ["", t + line()];
			}
		} else if (t === "}" || t === "]") {
			depth--;
			yield ["", line() + t];
		} else if (t === ",") {
			yield ["", "," + line()];
		} else if (t === ":") {
			yield ["", ": "];
		} else {
			yield [t[0] !== "\"" ? "literal" : next === ":" ? "key" : "string", t];
		}
	}
}

function eventText(json) {
	const pre = el("pre", {className: "event"});
	for (const [kind, text] of laidOut(json))
		pre.append(kind ? el("span", {className: kind, textContent: text}) : text);
	return pre;
}

/* What a line says of an event; everything may be missing. */
function glance(json) {
	let e = {};
	try {
		e = JSON.parse(json);
	} catch (wrong) {
		e = {};
	}
	const plain = v => typeof v === "string" ? v : "";
	return {
		type: plain(e.type) || "(no type)", host: plain(e.host), id: plain(e.id),
		when: typeof e.end === "number" ? e.end : typeof e.start === "number" ? e.start : null,
		took: typeof e.end === "number" && typeof e.start === "number" ? e.end - e.start : null,
		error: Boolean(e.body && e.body.error),
	};
}

/* Items that open; which ones are open outlives a new drawing. */
const opened = new Set();

function item(key, summary, inside) {
	const box = el("details", {className: "item"}, el("summary", {}, ...summary));
	box.addEventListener("toggle", () => {
		if (box.open && box.children.length === 1)
			box.append(el("div", {className: "inside"}, ...inside()));
		if (box.open)
			opened.add(key);
		else
			opened.delete(key);
	});
	box.open = opened.has(key);
	return box;
}

function eventItem(key, json) {
	const g = glance(json);
	return item(key, [
		el("span", {className: "number dim", textContent: duration(g.took)}),
		el("span", {className: g.error ? "name bad" : "name", textContent: g.type}),
		el("span", {className: "dim", textContent: [time(g.when, 0.001), g.host, g.id].filter(Boolean).join("  ")}),
	], () => [eventText(json)]);
}
