#!/bin/bash
# SPDX-License-Identifier: ISC
# What a query costs a program under the shim, over a libpq that answers at once: beside a wrapper that does nothing, a datagram
# an event, ltrace and uftrace; in instructions; and pgbench over PostgreSQL, with and without the shim by turns.
set -eu
T=${TEST_TMP:?} BUILD=${BUILD:?}
here=$(cd "$(dirname "$0")/.." && pwd)
last=$(($(nproc) - 1))
export BLUEOX_RING_SIZE=256k # the default

# Each run has rings of its own, in memory.
shm=$(mktemp -d /dev/shm/bx-bench-XXXXXX)
home=$(mktemp -d /tmp/bx-bench-XXXXXX)
trap 'rm -rf "$shm" "$home"' EXIT
fresh() { rm -rf "${shm:?}/run" && mkdir -p "$shm/run/rings" && export BLUEOX_RUN_DIR=$shm/run; }

# The bars hold where two clock reads cost 50 ns; on a slower clock, or a machine that is busy, they scale with these.
clocks=$(taskset -c "$last" "$BUILD/bench/pq_query" clocks)
judge() {
	local bar
	bar=$(echo "b = $2 * $clocks / 50; if (b < $2) $2 else b" | bc -l)
	[ "$(echo "$1 <= $bar" | bc -l)" = 1 ] && printf '    at most %.0f ns   holds\n' "$bar" || printf '    at most %.0f ns   MISSED\n' "$bar"
}
printf '  %-52s %8.1f ns least\n' 'two clock reads' "$clocks"

# cost LIBRARY PRELOAD QUERY [VARIABLE=VALUE...]: least and median of 15 rounds, in ns of processor time, and drops.
cost() {
	local library=$1 preload=$2 query=$3
	shift 3
	fresh
	env LD_LIBRARY_PATH="$BUILD/fake/$library" LD_PRELOAD="$preload" "$@" taskset -c "$last" "$BUILD/bench/pq_query" "$query"
}

say() { printf '  %-52s %8.1f ns least, %8.1f median%s\n' "$1" "$2" "$3" "${4:+, $4 dropped}"; }

shim=$BUILD/libbx_preload.so
while IFS='|' read -r name library preload query more; do
	# shellcheck disable=SC2046,SC2086
	set -- $(cost "$library" "$preload" "$query" $more)
	say "$name" "$1" "$2" "${3#0}"
	case $name in
	'the shim') judge "$1" 120 ;;
	'the shim, a failure with its stack') judge "$1" 300 ;;
	esac
done <<-KINDS
	bare|fast||select 1|
	bare again|fast||select 1|
	a wrapper that does nothing|fast|$BUILD/fake/pass.so|select 1|
	the shim|fast|$shim|select 1|
	the shim, four inner calls as libpq makes them|nested|$shim|select 1|
	the shim, switched off|fast|$shim|select 1|BLUEOX_PRELOAD=0
	the shim, BLUEOX_SQL=strip|fast|$shim|select 1|BLUEOX_SQL=strip
	the shim, a query of 100 bytes|fast|$shim|select a, b, c from a_table_of_some_sort where id = 42 and name = 'somebody' order by 1, 2, 3 limit 1|
	the shim, the same, BLUEOX_SQL=strip|fast|$shim|select a, b, c from a_table_of_some_sort where id = 42 and name = 'somebody' order by 1, 2, 3 limit 1|BLUEOX_SQL=strip
	the shim, a failure without a stack|fast|$shim|E|BLUEOX_STACKS=0
	the shim, a failure with its stack|fast|$shim|E|
	a datagram an event|fast|$BUILD/fake/sendto.so|select 1|
KINDS

# Tracers cost other processes too: wall time of so many queries, less that of starting.
traced() {
	local name=$1
	shift
	command -v "$2" >/dev/null 2>&1 || { echo "  $name left out: not installed" && return 0; }
	local each
	each=$(LD_LIBRARY_PATH=$BUILD/fake/fast timeout 60 "${@:2}" "$BUILD/bench/pq_query" 'select 1' 2000 2>/dev/null | sed -n 's/^wall //p')
	[ -n "$each" ] && printf '  %-52s %8.0f ns of wall time\n' "$name" "$each" || echo "  $name left out: it does not run here"
}
traced 'ltrace' x ltrace -f -e PQexec -o "$T/ltrace.out"
traced 'uftrace' x uftrace record --force -d "$T/uftrace.data"

if command -v valgrind >/dev/null 2>&1; then
	instructions() {
		fresh
		LD_LIBRARY_PATH=$BUILD/fake/fast LD_PRELOAD=$shim valgrind --tool=callgrind --callgrind-out-file="$T/out" \
			"$BUILD/bench/pq_query" "$1" "$2" 2>&1 | sed -n 's/.*Collected : //p'
	}
	for query in 'select 1' E; do
		few=$(instructions "$query" 100) many=$(instructions "$query" 1100)
		printf '  %-52s %8d instructions (callgrind)\n' "the shim, $query" $(((many - few) / 1000))
	done
fi

# ---- pgbench by turns ----
rounds=${PGBENCH_ROUNDS:-9}
echo
as_user=()
if [ "$(id -u)" = 0 ]; then # PostgreSQL does not run as root
	chown nobody "$home"
	as_user=(setpriv --reuid=nobody --regid=nogroup --clear-groups --)
fi
TEST_TMP=$home "${as_user[@]}" "$here/bench/shim_pgbench.py" "$rounds"
