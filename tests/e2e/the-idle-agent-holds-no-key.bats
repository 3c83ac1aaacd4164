#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# An agent that has just made the keys of a volume, and is idle again, holds
# none of them in any form, nor the header key.  Its memory is read from
# outside; the same search finds a key in a process that holds it.

load cmkd

setup() {
	[ "$(id -u)" = 0 ] || skip "needs root"
	cmkd_config
	cmkd_start
	truncate -s 256M "$DIR/disk"
}

teardown() {
	[ -z "${HOLDER-}" ] || kill "$HOLDER"
	cmkd_stop
}

format() {
	printf '{"method":"Format","parameters":{"device":"%s","kek":"service","range_size":33554432,"wrap":"%s"}}\n' \
		"$DIR/disk" "$1" |
		socat -t 30 - "UNIX-CONNECT:$DIR/run/cmkd.sock" |
		tail -n 1 | jq -e .result.ranges
}

find_keys() { "$BATS_TEST_DIRNAME/../lib/find-keys" "$@"; }

# no_key NAME: nor is the control blind, a process that holds the last key
no_key() {
	find_keys unwrap "$DIR/disk" "$DIR/service.kek" >"$DIR/keys"
	find_keys raw "$DIR/keys" >"$DIR/key"
	python3 -c 'import sys, time
key = sys.stdin.buffer.read()
open(sys.argv[1], "w")
time.sleep(60)' "$DIR/held" <"$DIR/key" 3>&- &
	HOLDER=$!
	until [ -e "$DIR/held" ]; do
		kill -0 $HOLDER
		sleep 0.05
	done
	run find_keys in $HOLDER "$DIR/keys"
	echo "$output"
	[ "$status" = 0 ]
	[[ $output == *"$1 byte 0"* ]]
	run find_keys in $PID "$DIR/keys"
	echo "$output"
	[ "$output" = - ]
}

@test "after a format in mode direct" {
	format direct
	no_key "dek 7"
}

@test "after a format in mode hk" {
	format hk
	no_key hk
}
