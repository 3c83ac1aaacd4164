# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# An agent on this machine, without a kernel module, for `load cmkd`.  All that
# it has is in DIR, the folder of the test.
#
#   cmkd_config [LINE...]  cmkd.conf, and lines to end it with
#   cmkd_start             starts it as PID; it answers when this returns
#   cmkd_stop              in teardown
#   ask METHOD PARAMETERS  its last line, which is the answer
#   is FILTER              that is so of the answer in $output (jq)

BIN=${CMK_BUILD:-$(cd "$BATS_TEST_DIRNAME/../.." && pwd)/build}/bin

cmkd_config() {
	DIR=$BATS_TEST_TMPDIR
	mkdir -p "$DIR/run"
	printf '%s\n' '[Agent]' "StateDirectory=$DIR/lib" '[Service]' \
		"Kek=file:$DIR/service.kek" "$@" >"$DIR/cmkd.conf"
}

cmkd_start() {
	rm -f "$DIR/run/cmkd.sock"
	RUNTIME_DIRECTORY=$DIR/run "$BIN/cmkd" --config "$DIR/cmkd.conf" \
		>>"$DIR/log" 2>&1 3>&- &
	PID=$!
	until [ -S "$DIR/run/cmkd.sock" ]; do
		kill -0 $PID
		sleep 0.05
	done
}

cmkd_stop() {
	kill "$PID"
	wait "$PID"
	sed 's/^/# /' "$DIR/log" | tail -n 30
}

ask() {
	jq -nc --arg m "$1" --argjson p "$2" '{method: $m, parameters: $p}' |
		socat -t 40 - "UNIX-CONNECT:$DIR/run/cmkd.sock" | tail -n 1
}

# shellcheck disable=SC2154 # output is what bats has of the last run
is() {
	jq -e "$1" <<<"$output" >/dev/null || {
		echo "not $1: $output"
		return 1
	}
}
