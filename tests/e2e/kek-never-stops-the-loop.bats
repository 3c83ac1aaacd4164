#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# While servers hang, names do not resolve and operations queue, the event loop
# turns; each operation ends by its deadline or when it is cancelled.
#
# cmk-timeout: 120

load kek

setup() {
	kek_setup
	kek_wrap
	EXTRA_PID=
	log_mark
}

teardown() {
	[ -z "$EXTRA_PID" ] || kill "$EXTRA_PID" || true
	kvemu_stop
}

# answers FILTER: how many of the lines printed match
count() {
	jq -c "select($1)" "$BATS_TEST_TMPDIR/answers" | wc -l
}

@test "never more than MaxConcurrent requests at once, and all are answered" {
	ctl switch slow 100 >/dev/null
	kek --max 4 --deadline 20000 --stall 500 unwrap "$KID" "$BLOB" 40
	[ "$(count .plain_ok)" = 40 ]
	[ "$(count .stall_ms)" = 0 ]
	is '.elapsed_ms >= 1000' '.elapsed_ms < 5000'
	# one event a begin or end, in the order of time; an end goes first
	tail -n +$((KV_MARK + 1)) "$KV_DIR/requests.log" | jq -es '
		map(select(.op == "unwrapKey") |
		    [.boottime_us - .duration_us, 1], [.boottime_us, -1]) |
		sort | reduce .[] as $e ({n: 0, max: 0};
			.n += $e[1] | .max = ([.max, .n] | max)) |
		.max <= 4'
}

@test "operations that wait for a connection end by their deadline" {
	ctl switch slow 3000 >/dev/null
	kek --max 2 --deadline 1000 --stall 900 unwrap "$KID" "$BLOB" 12
	[ "$(count '.answer == "unknown" and .elapsed_ms < 2500')" = 12 ]
	[ "$(count .stall_ms)" = 0 ]
}

@test "a cancelled operation calls back, the others go on" {
	ctl switch slow 1000 >/dev/null
	kek --max 2 --deadline 10000 --cancel 300 unwrap "$KID" "$BLOB" 6
	[ "$(count '.error == "cancelled" and .elapsed_ms < 950')" = 1 ]
	[ "$(count .plain_ok)" = 5 ]
	ctl switch slow 3000 >/dev/null
	kek --cancel 300 unwrap "$KID" "$BLOB"
	is '.error == "cancelled"' '.elapsed_ms < 2000'
	ctl reset >/dev/null
	ctl switch token-slow 3000 >/dev/null
	kek --cancel 300 unwrap "$KID" "$BLOB"
	is '.error == "cancelled"' '.elapsed_ms < 2000'
}

@test "a resolver that hangs holds up nothing" {
	local conf=$BATS_TEST_TMPDIR/resolv.conf

	put "$conf" /etc/resolv.conf
	# a name server that hears and says nothing
	socat -u UDP-RECVFROM:53,bind=127.0.0.99,fork OPEN:/dev/null 3>&- &
	EXTRA_PID=$!
	# Before it listens there, the machine itself says no at once.
	until grep -q ' 6300007F:0035 ' /proc/net/udp; do
		kill -0 "$EXTRA_PID"
		sleep 0.05
	done
	echo "nameserver 127.0.0.99" >"$conf"
	kek --stall 900 --deadline 1500 \
		get https://cmk-test.vault.azure.net/keys/pg
	is '.answer == "unknown"' '.elapsed_ms > 900' '.elapsed_ms < 4000'
	[ "$(count .stall_ms)" = 0 ]
}
