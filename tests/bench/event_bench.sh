#!/bin/sh
# SPDX-License-Identifier: ISC
# What an event costs the program that makes it, beside syslog(3) and ZeroMQ, and in instructions.
# Runs in namespaces of its own: a tmpfs for the rings, and a /dev in which /dev/log can be made.
set -eu
T=${TEST_TMP:?}
mkdir -p "$T/run"
# shellcheck disable=SC2016
unshare -Urm sh -c '
	mount -t tmpfs tmpfs "$1/run" && mkdir "$1/run/rings" && mount -t tmpfs tmpfs /dev
	export BLUEOX_RUN_DIR="$1/run" BLUEOX_RING_SIZE=1m
	exec "$2/bench/event_cost"' sh "$T" "${BUILD:?}"

if command -v valgrind >/dev/null 2>&1; then
	mkdir -p "$T/run/rings"
	instructions() {
		BLUEOX_RUN_DIR="$T/run" valgrind --tool=callgrind --callgrind-out-file="$T/out" "$BUILD/bench/event_cost" "$1" "$2" 2>&1 |
			sed -n 's/.*Collected : //p'
	}
	for kind in 'event, 3 fields' 'event, 10 fields'; do
		few=$(instructions "$kind" 100) many=$(instructions "$kind" 1100)
		echo "$kind: $(((many - few) / 1000)) instructions an event, clocks included (callgrind)"
	done
else
	echo "instructions left out: no valgrind"
fi
