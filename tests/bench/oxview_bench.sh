#!/bin/sh
# SPDX-License-Identifier: ISC
# How fast oxview reads and writes: events and megabytes of log a second, beside jq over the same events as JSON.
# Each figure is the median of five runs; the log is in the page cache.
set -eu
T=${TEST_TMP:?}
B=${BUILD:?}
N=${OXVIEW_BENCH_EVENTS:-500000}
"$B/bench/loggen" "$N" >"$T/mixed.log"
bytes=$(wc -c <"$T/mixed.log")

now_ns() { date +%s%N; }

# Prints the label, events/s and MB/s of a command, counted in events and bytes that it has to look at.
rate() {
	label=$1 events=$2 size=$3
	shift 3
	for _ in 1 2 3 4 5; do
		from=$(now_ns)
		"$@" >/dev/null
		echo $(($(now_ns) - from))
	done | sort -n | sed -n 3p | {
		read -r ns
		printf 'oxview: %-44s %9d events/s %7d MB/s\n' "$label" $((events * 1000000 / (ns / 1000))) $((size * 1000 / ns))
	}
}

echo "oxview: a log of $N events, $bytes bytes"
rate 'all as JSON' "$N" "$bytes" "$B/oxview" --json "$T/mixed.log"
rate 'all as they are (--msgpack)' "$N" "$bytes" "$B/oxview" --msgpack "$T/mixed.log"
rate 'scan for a type that is not there' "$N" "$bytes" "$B/oxview" --json -n none "$T/mixed.log"
rate 'scan for errors' "$N" "$bytes" "$B/oxview" --json --errors-only "$T/mixed.log"
rate 'ten slowest' "$N" "$bytes" "$B/oxview" --json --sort duration -r -L 10 "$T/mixed.log"
rate 'all for people (--pretty)' "$N" "$bytes" "$B/oxview" --pretty "$T/mixed.log"
if command -v jq >/dev/null 2>&1; then
	few=$((N / 10))
	"$B/oxview" --json -L "$few" "$T/mixed.log" >"$T/few.json"
	rate "jq -c . over the JSON of $few of them" "$few" "$((bytes / 10))" jq -c . "$T/few.json"
else
	echo 'oxview: jq left out: it is not installed'
fi
