#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# The state in the folder, over restarts and SIGKILL.
#
# cmk-timeout: 180

load kvemu/kvemu

setup() {
	kvemu_start
}

teardown() {
	kvemu_stop
}

restart() {
	kvemu_stop "${1-TERM}"
	KV_LISTEN=${KV_URL#https://} kvemu_start
}

@test "keys, states, tags, policies and identities survive a restart" {
	local value before

	ctl key create pg >/dev/null
	ctl key create gone >/dev/null
	use admin
	rest PATCH /keys/pg '{"tags":{"a":"b"},"attributes":{"exp":2000000000}}' |
		answers 200
	rest PUT /keys/pg/rotationpolicy '{"lifetimeActions":[],"attributes":{"expiryTime":"P90D"}}' |
		answers 200
	value=$(echo secret | wrap pg | member .value)
	ctl key rotate pg >/dev/null
	ctl key delete gone >/dev/null
	ctl deny default unwrapKey --style rbac >/dev/null
	ctl switch retention-days 30 >/dev/null
	ctl switch throttle on >/dev/null
	ctl --get keys state >"$BATS_TEST_TMPDIR/keys"
	ctl --get identities state >"$BATS_TEST_TMPDIR/identities"
	ctl switch throttle off >/dev/null
	before=$(rest GET /keys/pg)
	restart
	[ "$(ctl --get keys state)" = "$(cat "$BATS_TEST_TMPDIR/keys")" ]
	[ "$(ctl --get identities state)" = "$(cat "$BATS_TEST_TMPDIR/identities")" ]
	# the token of before the restart is still good
	KV_TOKEN=$(cat "$BATS_TEST_TMPDIR/request" | sed -n 's/.*Bearer //p')
	[ "$(rest GET /keys/pg)" = "$before" ]
	rest GET /keys/pg/rotationpolicy |
		member '.attributes.expiryTime == "P90D"'
	rest GET /deletedkeys/gone | answers 200
	rest GET /keys/pg | member '.attributes.recoverableDays == 30'
	old=$(ctl --get keys.1.versions.1.id state)
	rest POST "/keys/pg/$old/unwrapkey" \
		"{\"alg\":\"RSA-OAEP-256\",\"value\":\"$value\"}" |
		member '.value == "c2VjcmV0Cg"'
}

@test "clients trust it after a restart as before" {
	local before

	before=$(sha256sum <"$KV_DIR/ca.pem")
	restart
	[ "$(sha256sum <"$KV_DIR/ca.pem")" = "$before" ]
	kv_curl "$KV_URL/_kvemu/state" | member .ok
}

@test "a fault does not outlive a restart" {
	ctl switch outage on >/dev/null
	restart
	[ "$(ctl --get switches.outage state)" = 0 ]
}

@test "SIGKILL at any moment loses no change that was answered" {
	local round n=0 i writer

	for round in 1 2 3 4 5; do
		while ctl identity add "id$n" >/dev/null 2>&1; do
			echo "$n" >"$BATS_TEST_TMPDIR/last"
			n=$((n + 1))
		done 3>&- &
		writer=$!
		# Two more at the least, and some others
		until [ -s "$BATS_TEST_TMPDIR/last" ] &&
			[ "$(<"$BATS_TEST_TMPDIR/last")" -gt "$n" ]; do
			sleep 0.05
		done
		sleep "0.$((RANDOM % 5 + 3))"
		kill -KILL "$KV_PID"
		wait "$writer" || true
		restart KILL
		n=$(cat "$BATS_TEST_TMPDIR/last")
		ctl --get identities state >"$BATS_TEST_TMPDIR/identities"
		for ((i = 0; i <= n; i++)); do
			jq -e "any(.name == \"id$i\")" \
				"$BATS_TEST_TMPDIR/identities" >/dev/null
		done
		# one more may have been made that nobody was told of
		n=$((n + 2))
		for ((i = n - 1; i <= n; i++)); do
			ctl identity remove "id$i" >/dev/null 2>&1 || true
		done
		n=$((n - 1))
	done
	[ "$n" -gt 5 ]
}

@test "a folder has one kvemu at a time, and a damaged state is refused" {
	run "$KVEMU" --dir "$KV_DIR" --listen 127.0.0.1:0 3>&-
	[ "$status" -eq 1 ]
	[[ $output == *busy* ]]
	kvemu_stop
	truncate -s -20 "$KV_DIR/state.json"
	run "$KVEMU" --dir "$KV_DIR" --listen 127.0.0.1:0 3>&-
	[ "$status" -eq 1 ]
	[[ $output == *state.json* ]]
}

@test "private files are for their owner alone" {
	[ "$(stat -c %a "$KV_DIR/state.json")" = 600 ]
	[ "$(stat -c %a "$KV_DIR/ca.key")" = 600 ]
	[ "$(stat -c %a "$KV_DIR/ctl.sock")" = 600 ]
	[ "$(stat -c %a "$KV_DIR/ca.pem")" = 644 ]
}

@test "the first line names what was started, and the only one" {
	[ "$(wc -l <"$BATS_TEST_TMPDIR/kvemu.out")" -eq 1 ]
	grep -Eq '^kvemu ready https://127\.0\.0\.1:[0-9]+ imds http://127\.0\.0\.1:[0-9]+$' \
		"$BATS_TEST_TMPDIR/kvemu.out"
}
