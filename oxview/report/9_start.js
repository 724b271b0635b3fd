/* The start: the data that the page carries, or, when it carries none, the server that it came from. */

const live = {page: "", number: 0, asking: null, timer: 0, tookMs: 0};

function queryText() {
	const q = new URLSearchParams({page: live.page, number: ++live.number});
	for (const name of ["where", "type", "from", "to"])
		if (byId("q-" + name).value.trim())
			q.set(name, byId("q-" + name).value.trim());
	return q.toString();
}

function sayWrong(text) {
	byId("q-error").hidden = !text;
	byId("q-error").textContent = text;
}

/* Asks again when the last answer is some time old, longer when answers take long. */
function again() {
	clearTimeout(live.timer);
	if (byId("q-live").checked)
		live.timer = setTimeout(ask, Math.max(3000, 10 * live.tookMs));
}

async function ask() {
	if (live.asking)
		live.asking.abort();
	const mine = live.asking = new AbortController(), began = performance.now();
	byId("q-state").textContent = "asking …";
	try {
		const answer = await fetch("data?" + queryText(), {signal: mine.signal, cache: "no-store"});
		const data = await answer.json();
		if (live.asking !== mine)
			return;
		live.tookMs = performance.now() - began;
		byId("q-state").textContent = "";
		sayWrong(answer.ok ? "" : data.error);
		if (answer.ok) {
			byId("q-state").textContent = "as of " + clock(data.made, 1) + ", took " + duration(live.tookMs / 1e3);
			show(data);
		}
	} catch (wrong) {
		if (live.asking !== mine)
			return;
		byId("q-state").textContent = "";
		sayWrong("The server does not answer: " + wrong.message);
	}
	live.asking = null;
	again();
}

function startLive(data) {
	live.page = Array.from(crypto.getRandomValues(new Uint32Array(2)), n => n.toString(16)).join("");
	byId("query").hidden = false;
	byId("source").textContent = data.source;
	for (const name of ["where", "type", "from", "to"])
		byId("q-" + name).value = data.live[name] || "";
	byId("q-live").checked = true;
	byId("query").addEventListener("submit", e => {
		e.preventDefault();
		ask();
	});
	byId("q-live").addEventListener("change", again);
	ask();
}

function start() {
	const data = JSON.parse(byId("data").textContent);
	listen();
	applyTheme();
	if (data.live)
		startLive(data);
	else
		show(data);
}

start();
