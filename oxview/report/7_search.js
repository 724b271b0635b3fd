/* The search box: over every event that is in this page, each once. */

const searchShown = 100;
let searched = [];

function searchTake(data) {
	const all = new Set();
	for (const e of data.errors)
		e.samples.forEach(json => all.add(json));
	for (const g of data.groups)
		g.nodes.forEach(node => node.event && all.add(node.event));
	data.samples.forEach(json => all.add(json));
	searched = [...all].map(json => ({json, low: json.toLowerCase()}));
}

function search() {
	const terms = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
	const found = searched.filter(one => terms.every(t => one.low.includes(t)));
	byId("search-note").textContent = count(found.length) + " of the " + count(searched.length) + " events in this page" +
		(found.length > searchShown ? ", the first " + searchShown + " of them:" : ".");
	fill(byId("search-list"), found.slice(0, searchShown).map(one => eventItem("event " + one.json, one.json)));
}
