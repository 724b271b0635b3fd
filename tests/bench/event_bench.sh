#!/bin/bash
# SPDX-License-Identifier: ISC
# What an event costs the program that makes it, beside LTTng-UST, syslog(3), ZeroMQ and a file; with oxd draining; two
# threads against one; and in instructions.  Everything runs in namespaces of its own: a tmpfs for the rings, a /run for
# LTTng's session daemon, a /dev with the devices, a /dev/shm and room for /dev/log.
set -eu
T=${TEST_TMP:?} BUILD=${BUILD:?}

if [ "${1:-}" != inside ]; then
	exec unshare -Urmpf --mount-proc "$0" inside # a pid namespace too: whatever a daemon starts ends with it
fi

mkdir -p "$T/dev" "$T/run" "$T/lttng"
mount -t tmpfs tmpfs "$T/dev"
for device in null zero full random urandom; do
	touch "$T/dev/$device"
	mount --bind "/dev/$device" "$T/dev/$device"
done
mkdir -m 1777 "$T/dev/shm"
mount --rbind "$T/dev" /dev
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs "$T/run"
mkdir "$T/run/rings"
# The session daemon gives files to the group `tracing`, which a user namespace does not know; without one it takes root.
grep -v '^tracing:' /etc/group >"$T/group"
mount --bind "$T/group" /etc/group
export BLUEOX_RUN_DIR=$T/run BLUEOX_RING_SIZE=1m LTTNG_UST_REGISTER_TIMEOUT=3000

# The bench is alone on the last processor; daemons keep to the first.
last=$(($(nproc) - 1))
on_last() { taskset -c "$last" "$@"; }

quietly() { "$@" >>"$T/lttng.out" 2>&1; }

start_lttng() {
	command -v lttng-sessiond >/dev/null 2>&1 || return 1
	export LTTNG_HOME=$T/lttng HOME=$T/lttng
	quietly taskset -c 0 lttng-sessiond --daemonize --no-kernel || return 1
	# A session as one has it, written to a tmpfs by a consumer on the first processor.  Its buffers hold nearly all that the
	# bench makes: a tracepoint that is discarded would cost less.
	quietly lttng --no-sessiond create bench --output="$T/run/trace" &&
		quietly lttng --no-sessiond enable-channel bench --userspace --subbuf-size=4M --num-subbuf=4 &&
		quietly lttng --no-sessiond enable-event --channel=bench --userspace 'bx_bench:*' &&
		quietly lttng --no-sessiond start
}

stop_lttng() {
	lttng --no-sessiond stop 2>&1 | grep -i discard || true
	quietly lttng --no-sessiond destroy || true
	quietly kill "$(cat /run/lttng/lttng-sessiond.pid)" || true
}

if start_lttng; then
	on_last "$BUILD/bench/event_cost"
	stop_lttng
else
	echo "  LTTng left out: no session can be started here: $(tail -1 "$T/lttng.out" 2>/dev/null)"
	on_last "$BUILD/bench/event_cost"
fi

echo
export LTTNG_UST_REGISTER_TIMEOUT=0
"$BUILD/bench/event_cost" threads || echo "  two threads left out: one processor"

mkdir -p "$T/state" "$T/log"
taskset -c 0 "$BUILD/oxd" --run-dir="$T/run" --state-path="$T/state" --log-path="$T/log" --control=127.0.0.1:0 --collect=127.0.0.1:0 \
	2>"$T/oxd.err" &
oxd=$!
# oxd says where it listens once it is ready.
PYTHONPATH=tests/e2e python3 -c 'import os, sys, lib; lib.wait_for(lambda: os.path.exists(sys.argv[1]), "oxd to say where it listens")' \
	"$T/run/oxd.json" || { cat "$T/oxd.err" >&2; exit 1; }
on_last "$BUILD/bench/event_cost" oxd
kill $oxd
wait $oxd || true

echo
if ! command -v valgrind >/dev/null 2>&1; then
	echo "  instructions left out: no valgrind"
	exit 0
fi
instructions() {
	valgrind --tool=callgrind --callgrind-out-file="$T/out" "$BUILD/bench/event_cost" count "$1" "$2" 2>&1 |
		sed -n 's/.*Collected : //p'
}
while read -r bar kind; do
	few=$(instructions "$kind" 100) many=$(instructions "$kind" 1100)
	each=$(((many - few) / 1000))
	verdict=
	[ "$bar" = 0 ] || { [ $each -le "$bar" ] && verdict="at most $bar   holds" || verdict="at most $bar   MISSED"; }
	printf '  %-36s %6d instructions, clocks included (callgrind)   %s\n' "$kind" $each "$verdict"
done <<-KINDS
	1000 event, 3 fields
	0 event, 10 fields
	0 nested .sql event, 3 fields
	0 sampled out, 3 fields
KINDS
