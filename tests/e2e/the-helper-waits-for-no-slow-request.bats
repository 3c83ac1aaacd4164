#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# There may be only so many helpers at a time, so one whose caller sends
# nothing, or a byte now and then, does not stay.  No kernel module is needed
# for that.
#
# cmk-timeout: 180

ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
BIN=${CMK_BUILD:-$ROOT/build}/bin

setup() {
	SOCKET=$BATS_TEST_TMPDIR/sock
	socat "UNIX-LISTEN:$SOCKET,fork" EXEC:"$BIN/cmkctl helper" 3>&- &
	PID=$!
	until [ -S "$SOCKET" ]; do sleep 0.05; done
	START=$SECONDS
}

teardown() {
	kill $PID
	wait $PID || true
}

# answered: to what comes on standard input; of which something may come when
# the answer is there and the connection closed
answered() {
	output=$(timeout 40 socat -t 1 - "UNIX-CONNECT:$SOCKET" 2>/dev/null) ||
		true
	echo "after $((SECONDS - START)) s: $output"
	[ -n "$output" ]
}

refused() {
	answered
	[ "$output" = '{"status":2}' ]
	[ $((SECONDS - START)) -ge 4 ]
	[ $((SECONDS - START)) -le 20 ]
}

drip() {
	local i

	for ((i = 0; i < 30; i++)); do
		printf x || return 0
		sleep 1
	done
}

@test "a caller that sends nothing" {
	refused < <(sleep 30 3>&-)
}

@test "a caller that sends a byte now and then" {
	refused < <(drip 3>&- 2>/dev/null)
}

@test "a request in two parts is one" {
	answered < <(printf '{"method":"Purge",'
		sleep 2
		printf '"uuid":"00000000-0000-4000-8000-000000000000"}\n'
		sleep 30 3>&-)
	[ "$output" != '{"status":2}' ]
}
