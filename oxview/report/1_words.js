/* Words for numbers and times, and elements without a line of HTML: what events say is only ever set as text. */

const numbers = new Intl.NumberFormat("en");

function count(n) {
	return numbers.format(n);
}

function three(x) {
	return x >= 100 ? x.toFixed(0) : x >= 10 ? x.toFixed(1) : x.toFixed(2);
}

/* `1 h 30 min`, and `1 h` where nothing is left. */
function parts(n, of, large, small) {
	return Math.floor(n / of) + " " + large + (n % of ? " " + n % of + " " + small : "");
}

function duration(s) {
	if (s === null || s === undefined)
		return "–";
	const a = Math.abs(s);
	if (a >= 86400)
		return parts(Math.round(s / 3600), 24, "d", "h");
	if (a >= 3600)
		return parts(Math.round(s / 60), 60, "h", "min");
	if (a >= 120)
		return parts(Math.round(s), 60, "min", "s");
	if (a >= 0.9995)
		return three(s) + " s";
	if (a >= 0.9995e-3)
		return three(s * 1e3) + " ms";
	return a > 0 ? three(s * 1e6) + " µs" : "0";
}

function bytes(n) {
	const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
	let i = 0;
	for (; n >= 1024 && i < units.length - 1; i++)
		n /= 1024;
	return (i ? three(n) : count(n)) + " " + units[i];
}

let zone = "utc";

/* The same for round numbers: `30 s`, not `30.0 s`. */
function roundDuration(s) {
	return duration(s).replace(/\.0+(?= )|(\.\d*[1-9])0+(?= )/, "$1");
}

/* As many digits of a time as a stretch of so many seconds needs. */
function time(s, width) {
	const at = new Date(s * 1000);
	if (s === null || s === undefined || isNaN(at))
		return "–";
	const local = zone === "local" ? new Date(at.getTime() - at.getTimezoneOffset() * 60000) : at;
	const text = isNaN(local) ? "" : local.toISOString();
	const end = width >= 86400 ? 10 : width >= 60 ? 16 : width >= 1 ? 19 : 23;
	return text.length === 24 ? text.slice(0, end).replace("T", " ") : text.replace("T", " ");
}

/* The same without the day. */
function clock(s, width) {
	const text = time(s, width);
	return width >= 86400 || text.length < 16 ? text : text.slice(11);
}

function el(tag, properties, ...children) {
	const e = document.createElement(tag);
	for (const [key, value] of Object.entries(properties || {})) {
		if (key in e)
			e[key] = value;
		else
			e.setAttribute(key, value);
	}
	e.append(...children.filter(c => c !== null && c !== undefined));
	return e;
}

function byId(id) {
	return document.getElementById(id);
}

function fill(parent, children) {
	parent.replaceChildren(...children);
}

/* The colour of a type: the same one in every chart. */
function colour(i, dark) {
	const hues = [213, 28, 140, 0, 268, 187, 326, 48, 100, 240];
	const round = Math.floor(i / hues.length);
	const light = (dark ? 66 : 46) + [0, 12, -12][round % 3];
	return "hsl(" + hues[i % hues.length] + ", " + (dark ? 65 : 62) + "%, " + light + "%)";
}

function isDark() {
	return document.documentElement.dataset.theme === "dark";
}

function variable(name) {
	return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
