#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# The control socket: malformed, oversized and unwelcome requests each get one
# answer and harm nobody else; a caller that leaves ends nothing.  No kernel
# module is needed for that.

load cmkd

setup() {
	cmkd_config '[Azure]' ImdsEndpoint=http://127.0.0.1:1
	cmkd_start
}

teardown() {
	cmkd_stop
}

# ask LINE...: sends all, prints what comes
ask() { printf '%s\n' "$@" | socat -t 40 - "UNIX-CONNECT:$DIR/run/cmkd.sock"; }

alive() {
	run ask '{"method":"Status"}'
	is '.result.volumes == []'
}

@test "status tells that there is no module, and goes on" {
	alive
	is '.result.bound == false and (.result.kernel | length) > 0'
}

@test "what is not JSON, no object or no method is refused by word" {
	local line

	for line in '' '{' '[]' '"x"' '{"method":1}' '{"method":"Stat"}' \
		    '{}' '{"method":"Status","method":"Open"}' \
		    '{"method":"Status","parameters":[]}' $'\xff\xfe' \
		    '{"method":"Status"} x'; do
		run ask "$line"
		is '.error.status == 2 and (.error.message | length) > 0'
	done
	alive
}

@test "parameters are named when they are missing, wrong or unknown" {
	local method

	run ask '{"method":"Open","parameters":{"name":"x"}}'
	is '.error.message | contains("uuid")'
	run ask '{"method":"Format","parameters":{"device":1}}'
	is '.error.message | contains("device")'
	run ask '{"method":"Format","parameters":{"device":"/x","frce":true}}'
	is '.error.message | contains("frce")'
	for method in Open Format Close Restore Probe Status; do
		run ask "{\"method\":\"$method\",\"parameters\":{\"odd\":1}}"
		is '.error.status == 2 and (.error.message | contains("odd"))'
	done
	run ask '{"method":"Probe","parameters":{"uuid":"x"}}'
	is '.error.message | contains("uuid")'
	run ask '{"method":"Probe","parameters":{"uuid":"6f0f3c6e-8b0e-4f6a-9d3e-0d5c1c7b2a10"}}'
	is '.error.code == "no-volume" and .error.status == 6'
}

@test "many requests on one connection are answered in order" {
	local i lines=()

	for i in {1..200}; do
		lines+=('{"method":"Status"}' '{"method":"No"}')
	done
	run ask "${lines[@]}"
	[ "$(wc -l <<<"$output")" = 400 ]
	[ "$(jq -r 'keys[0]' <<<"$output" | paste -sd' ' | cut -c 1-25)" = \
		"result error result error" ]
}

@test "a line without end is refused, and the connection with it" {
	run bash -c "head -c 200000 /dev/zero | tr '\0' a |
		socat -t 5 - UNIX-CONNECT:$DIR/run/cmkd.sock"
	[[ "$output" == *"too long"* ]]
	alive
}

@test "more callers than there is room for do not keep the others out for long" {
	local i

	for i in {1..40}; do
		sleep 3 | socat - "UNIX-CONNECT:$DIR/run/cmkd.sock" \
			>/dev/null 2>&1 3>&- &
	done
	sleep 5
	alive
}

@test "another user is refused" {
	[ "$(id -u)" = 0 ] || skip "needs root"
	chmod 711 "$DIR" "$DIR/run" "$(dirname "$DIR")" \
		"$(dirname "$(dirname "$DIR")")"
	run setpriv --reuid 65534 --regid 65534 --clear-groups \
		socat - "UNIX-CONNECT:$DIR/run/cmkd.sock" <<<'{"method":"Status"}'
	[[ "$output" == *"Permission denied"* ]]
	# And not by the mode of the file alone.
	chmod 666 "$DIR/run/cmkd.sock"
	run setpriv --reuid 65534 --regid 65534 --clear-groups \
		socat -u "UNIX-CONNECT:$DIR/run/cmkd.sock" -
	is '.error.status == 3'
}

@test "a caller that leaves ends nothing: the volume is made" {
	local end=$((SECONDS + 90))

	truncate -s 2G "$DIR/disk"
	printf '%s\n' "{\"method\":\"Format\",\"parameters\":{\"device\":\"$DIR/disk\",\"kek\":\"service\",\"range_size\":67108864,\"wrap\":\"direct\"}}" |
		timeout 10 socat -t 0.1 -u - "UNIX-CONNECT:$DIR/run/cmkd.sock" || true
	until grep -q "disk: formatted, 32 ranges" "$DIR/log"; do
		[ "$SECONDS" -lt "$end" ]
		sleep 0.1
	done
	"$BIN/cmkctl" dump "$DIR/disk"
	ls "$DIR"/lib/backup/*.hdr "$DIR"/lib/state/*.json
}

@test "a format that fails writes nothing" {
	truncate -s 1G "$DIR/disk"
	run ask "{\"method\":\"Format\",\"parameters\":{\"device\":\"$DIR/disk\",\"kek\":\"https://127.0.0.1:1/keys/x\"}}"
	is '.error.status == 5'
	[ "$(du -k "$DIR/disk" | cut -f 1)" = 0 ]
	[ -z "$(ls -A "$DIR/lib/state" "$DIR/lib/backup" | grep -v :)" ]
}

@test "a configuration that is wrong is not taken at a reload" {
	echo '[Policy]' >>"$DIR/cmkd.conf"
	echo 'CheckInterval=1s' >>"$DIR/cmkd.conf"
	run "$BIN/cmkd" --config "$DIR/cmkd.conf" --check-config
	[ "$status" = 2 ]
	[[ "$output" == *"cmkd.conf:8:"*"CheckInterval=1s"* ]]
	kill -HUP $PID
	alive
	grep -q "configuration stays as it was" "$DIR/log"
}

@test "nor is one that the agent could not start with" {
	printf '%s\n' '[Service]' Kek=pkcs11:token=x >>"$DIR/cmkd.conf"
	kill -HUP $PID
	alive
	grep -q "configuration stays as it was: Kek=pkcs11:" "$DIR/log"
}

@test "no core dump, no unlocked page" {
	grep -q '^Max core file size *0 *0' "/proc/$PID/limits"
	[ "$(sed -n 's/^VmLck:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$PID/status")" -gt 1000 ]
	[ "$(stat -c %U "/proc/$PID/mem")" = root ]
}
