#!/bin/bash
# SPDX-License-Identifier: ISC
# How fast oxview answers: gigabytes of log a second of one core, beside jq over the same events as JSON; and how little of
# an indexed log it reads for a minute or an id.  Times are CPU times of the process, user and system, so that others on the
# machine disturb them less; each is the median of five runs, the log in the page cache.
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

# Median of five: CPU microseconds, or with `real` elapsed ones.
median_us() {
	what=$1
	shift
	for _ in 1 2 3 4 5; do
		{ time "$@" >/dev/null; } 2>&1 | tail -1
	done | awk -v real="$what" '{ print int(1e6 * (real == "real" ? $3 : $1 + $2)) }' | sort -n | sed -n 3p
}

# Prints events/s and GB/s of a command, counted in what it has to look at; leaves its time in $us.
rate() {
	label=$1 events=$2 size=$3
	shift 3
	us=$(median_us cpu "$@")
	awk -v l="$label" -v e="$events" -v s="$size" -v us="${us:-1}" \
		'BEGIN { us += us == 0; printf "oxview: %-44s %9d events/s %6.2f GB/s a core\n", l, e / us * 1e6, s / us / 1e3 }'
}

V=$B/oxview
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
from=1763836000
id=$("$V" --json --fields id -s "$from" -L 1 -l "$T/logs" | sed 's/.*:"\([0-9a-f]*\)".*/\1/')
"$V" --explain -s "$from" -e $((from + 60)) -l "$T/logs" | tail -1 | sed 's/^/oxview: a minute reads /'
"$V" --explain --id "$id" -l "$T/logs" | tail -1 | sed 's/^/oxview: an id reads /'
echo "oxview: a minute out of $size bytes counts in $(($(median_us real "$V" --count -s "$from" -e $((from + 60)) -l "$T/logs") / 1000)) ms"
echo "oxview: an id out of $size bytes is found in $(($(median_us real "$V" --id "$id" -l "$T/logs") / 1000)) ms"
