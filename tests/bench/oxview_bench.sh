#!/bin/bash
# SPDX-License-Identifier: ISC
# How fast oxview answers: gigabytes of log a second of one core, beside jq over the same events as JSON; what a second thread
# brings; what memory it takes; and how little of an indexed log it reads for a minute or an id.  Times of one core are CPU times of the
# process, user and system, so that others on the machine disturb them less; what two threads bring is in elapsed time, by turns with
# one.  Each is the median of five runs, with the least and the greatest where they say more, and the log is in the page cache.
#
#   OXVIEW_BENCH_EVENTS=1000000     events; BIG=1 repeats them until the indexed log has 10 GB (1 GB otherwise)
set -eu
T=${TEST_TMP:?}
B=${BUILD:?}
N=${OXVIEW_BENCH_EVENTS:-1000000}
TIMEFORMAT='%U %S %R'
mkdir -p "$T/logs"
"$B/bench/loggen" "$N" >"$T/mixed.log"
bytes=$(wc -c <"$T/mixed.log")

# Five runs: least, median and greatest of CPU microseconds, or with `real` of elapsed ones.
spread_us() {
	what=$1
	shift
	for _ in 1 2 3 4 5; do
		{ time "$@" >/dev/null; } 2>&1 | tail -1
	done | awk -v real="$what" '{ print int(1e6 * (real == "real" ? $3 : $1 + $2)) }' | sort -n | sed -n '1p;3p;5p' | tr '\n' ' '
}

median_us() {
	spread_us "$@" | cut -d' ' -f2
}

# Prints events/s and GB/s of a command, counted in what it has to look at; leaves its time in $us.
rate() {
	label=$1 events=$2 size=$3
	shift 3
	read -r least us most <<<"$(spread_us cpu "$@")"
	awk -v l="$label" -v e="$events" -v s="$size" -v us="$us" -v least="$least" -v most="$most" \
		'BEGIN { us += us == 0; least += least == 0; most += most == 0
		printf "oxview: %-44s %9d events/s %6.2f GB/s a core (%.2f to %.2f)\n", l, e / us * 1e6, s / us / 1e3, s / most / 1e3, s / least / 1e3 }'
}

# Elapsed time with two threads, in times of one, run by turns; and that of two processes side by side over half the events each, which is
# what the machine gives to two of anything.
threads() {
	label=$1
	shift
	for _ in 1 2 3 4 5 6 7; do
		for n in 1 2; do
			{ time "$V" --threads "$n" "$@" "$T/mixed.log" >/dev/null; } 2>&1 | tail -1 | awk '{ printf "%s ", $3 }'
		done
		{ time { "$V" "$@" "$T/half.log" >/dev/null & "$V" "$@" "$T/half.log" >/dev/null; wait; }; } 2>&1 | tail -1 | awk '{ print $3 }'
	done | awk '{ $2 += ($2 == 0) * 0.001; $3 += ($3 == 0) * 0.001; print $1 / $2, $1 / $3, $2 }' >"$T/rows"
	for column in 1 2 3; do
		cut -d' ' -f"$column" "$T/rows" | sort -n | sed -n '1p;4p;7p'
	done | tr '\n' ' ' | awk -v l="$label" -v s="$bytes" \
		'{ printf "oxview: %-44s two threads are %.2f times as fast as one (%.2f to %.2f), two processes %.2f (%.2f to %.2f); %.2f GB/s\n",
		l, $2, $1, $3, $5, $4, $6, s / $8 / 1e9 }'
}

# Most memory that it takes with four threads.
memory() {
	label=$1
	shift
	[ -x /usr/bin/time ] || return 0
	/usr/bin/time -f "oxview: $label takes %M KiB of memory with four threads" "$V" --threads 4 "$@" 2>&1 >/dev/null | tail -1
}

V=$B/oxview
export OXVIEW_THREADS=1
echo "oxview: a log of $N events, $bytes bytes"
rate '--count' "$N" "$bytes" "$V" --count "$T/mixed.log"
count_us=$us
rate "--count --where 'response.status >= 500'" "$N" "$bytes" "$V" --count --where 'response.status >= 500' "$T/mixed.log"
where_us=$us
rate '--by type' "$N" "$bytes" "$V" --by type "$T/mixed.log"
rate '--by type --stats duration' "$N" "$bytes" "$V" --by type --stats duration "$T/mixed.log"
rate '--timeline 1m --by type' "$N" "$bytes" "$V" --timeline 1m --by type --json "$T/mixed.log"
rate 'all as JSON' "$N" "$bytes" "$V" --json "$T/mixed.log"
json_us=$us
rate '--csv' "$N" "$bytes" "$V" --csv --fields id,type,duration,response.status "$T/mixed.log"
rate 'all as they are (--msgpack)' "$N" "$bytes" "$V" --msgpack "$T/mixed.log"
rate 'ten slowest' "$N" "$bytes" "$V" --json --sort duration -r -L 10 "$T/mixed.log"
rate 'all for people (--pretty)' "$N" "$bytes" "$V" --pretty "$T/mixed.log"
"$B/bench/loggen" $((N / 2)) >"$T/half.log"
threads '--count' --count
threads "--count --where 'response.status >= 500'" --count --where 'response.status >= 500'
threads '--by type' --by type
threads 'all as JSON' --json
memory '--by type --stats duration' --by type --stats duration "$T/mixed.log"
memory 'all as JSON' --json "$T/mixed.log"
if command -v jq >/dev/null 2>&1; then
	few=$((N / 20))
	"$V" --json -L "$few" "$T/mixed.log" >"$T/few.json"
	rate "jq -c . over the JSON of $few of them" "$few" "$((bytes / 20))" jq -c . "$T/few.json"
	echo "oxview: all as JSON is $((us * 20 / (json_us + 1))) times jq -c ."
	rate 'jq select' "$few" "$((bytes / 20))" jq -c 'select(.body.response.status >= 500)' "$T/few.json"
	echo "oxview: --where is $((us * 20 / (where_us + 1))) times a select of jq, --count $((us * 20 / (count_us + 1)))"
else
	echo 'oxview: jq left out: it is not installed'
fi

# The indexed log: new times for each copy of the events, so that a minute is a minute of one.
goal=1000000000
[ -z "${BIG:-}" ] || goal=10000000000
log=$T/logs/shop.request.251122.log
"$B/bench/loggen" "$((goal / (bytes / N)))" >"$log"
"$B/oxctl" store reindex --log-path "$T/logs" >/dev/null
size=$(wc -c <"$log")
from=1763800000
id=$("$V" --json --fields id -s "$from" -L 1 -l "$T/logs" | sed 's/.*:"\([0-9a-f]*\)".*/\1/')
"$V" --explain -s "$from" -e $((from + 60)) -l "$T/logs" | tail -1 | sed 's/^/oxview: a minute reads /'
"$V" --explain --id "$id" -l "$T/logs" | tail -1 | sed 's/^/oxview: an id reads /'
echo "oxview: a minute out of $size bytes counts in $(($(median_us real "$V" --count -s "$from" -e $((from + 60)) -l "$T/logs") / 1000)) ms"
echo "oxview: an id out of $size bytes is found in $(($(median_us real "$V" --id "$id" -l "$T/logs") / 1000)) ms"
