#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# The switches: every kind of trouble between a client and its vault.
#
# cmk-timeout: 120

load kvemu/kvemu

setup() {
	kvemu_start
	ctl key create pg >/dev/null
	use default
}

teardown() {
	kvemu_stop
}

@test "throttle strikes as often as it is told, with Retry-After on demand" {
	ctl switch throttle 2 >/dev/null
	rest GET /keys/pg | answers 429 Throttled
	[ -z "$(header retry-after)" ]
	ctl switch retry-after 7 >/dev/null
	rest GET /keys/pg | answers 429 Throttled
	[ "$(header retry-after)" = 7 ]
	rest GET /keys/pg | answers 200
	ctl switch throttle on >/dev/null
	rest GET /keys/pg | answers 429 Throttled
	ctl switch throttle off >/dev/null
	rest GET /keys/pg | answers 200
}

@test "an outage answers with the status that is set" {
	ctl switch outage on >/dev/null
	rest GET /keys/pg | answers 503 ServiceUnavailable
	ctl switch outage 500 >/dev/null
	rest GET /keys/pg | answers 500 InternalServerError
	ctl reset >/dev/null
	rest GET /keys/pg | answers 200
}

@test "a page of HTML comes instead of JSON" {
	ctl switch html 400 >/dev/null
	rest GET /keys/pg >"$BATS_TEST_TMPDIR/page"
	[ "$(status)" = 400 ]
	[[ $(header content-type) == text/html* ]]
	grep -q '<html>' "$BATS_TEST_TMPDIR/page"
}

@test "JSON is cut short in a whole HTTP answer" {
	ctl switch truncate 1 >/dev/null
	rest GET /keys/pg >"$BATS_TEST_TMPDIR/cut"
	[ "$(status)" = 200 ]
	[ "$(header content-length)" = "$(stat -c %s "$BATS_TEST_TMPDIR/cut")" ]
	run jq . "$BATS_TEST_TMPDIR/cut"
	[ "$status" -ne 0 ]
	rest GET /keys/pg | answers 200
}

@test "the connection is closed without an answer" {
	ctl switch drop 1 >/dev/null
	run rest GET /keys/pg
	[ "$status" -eq 52 ]
	rest GET /keys/pg | answers 200
}

@test "nobody listens, until the switch goes off or the time is over" {
	ctl switch refuse on >/dev/null
	run rest GET /keys/pg
	[ "$status" -eq 7 ]
	ctl switch refuse off >/dev/null
	rest GET /keys/pg | answers 200
	ctl switch refuse 4 >/dev/null
	run rest GET /keys/pg
	[ "$status" -eq 7 ]
	sleep 5
	rest GET /keys/pg | answers 200
}

@test "refusal ends connections that are open, even a slow one" {
	local slow_pid start=$SECONDS

	ctl switch slow 60000 >/dev/null
	rest GET /keys/pg >"$BATS_TEST_TMPDIR/slow" 3>&- &
	slow_pid=$!
	sleep 1
	kill -0 "$slow_pid"
	ctl switch refuse on >/dev/null
	wait "$slow_pid" || true
	[ $((SECONDS - start)) -lt 45 ]
	run rest GET /keys/pg
	[ "$status" -eq 7 ]
}

@test "a slow answer holds up nobody else" {
	local slow_pid start

	ctl switch fault-op unwrapKey >/dev/null
	ctl switch slow 8000 >/dev/null
	# In a folder of its own, or its answer overwrites the other's.
	mkdir "$BATS_TEST_TMPDIR/slow"
	start=$(date +%s%N)
	(
		BATS_TEST_TMPDIR+=/slow
		unwrap pg AAAA
	) >/dev/null 3>&- &
	slow_pid=$!
	rest GET /keys/pg | answers 200
	[ $((($(date +%s%N) - start) / 1000000)) -lt 8000 ]
	kill -0 "$slow_pid"
	wait "$slow_pid"
	[ $((($(date +%s%N) - start) / 1000000)) -ge 8000 ]
}

@test "so many answers come at once, and then they are slow" {
	local start

	ctl switch slow 4000 >/dev/null
	ctl switch quick 2 >/dev/null
	rest GET /keys/pg | answers 200
	rest GET /keys/pg | answers 200
	start=$(date +%s%N)
	rest GET /keys/pg | answers 200
	[ $((($(date +%s%N) - start) / 1000000)) -ge 4000 ]
}

@test "a fault can be kept to one operation" {
	ctl switch fault-op unwrapKey >/dev/null
	ctl switch throttle on >/dev/null
	rest GET /keys/pg | answers 200
	unwrap pg AAAA | answers 429 Throttled
}

@test "the network rules of the vault refuse whoever calls" {
	ctl switch firewall on >/dev/null
	rest GET /keys/pg | answers 403 Forbidden ForbiddenByFirewall
	ctl switch firewall off >/dev/null
	ctl switch no-public on >/dev/null
	rest GET /keys/pg | answers 403 Forbidden ForbiddenByConnection
}

@test "unwrap lies, or fails as if the blob were corrupt" {
	local value

	value=$(echo secret | wrap pg | member .value)
	ctl switch wrong-plaintext on >/dev/null
	unwrap pg "$value" | member '.value != "c2VjcmV0Cg" and
		(.value | length) == 10'
	ctl switch bad-padding on >/dev/null
	unwrap pg "$value" | answers 400 BadParameter
	ctl reset >/dev/null
	unwrap pg "$value" | member '.value == "c2VjcmV0Cg"'
}

@test "the Date header follows the clock of the vault" {
	local date

	ctl switch clock-offset -86400 >/dev/null
	rest GET /keys/pg >/dev/null
	date=$(date -d "$(header date)" +%s)
	[ $(($(date +%s) - date)) -ge 86399 ]
	[ $(($(date +%s) - date)) -le 86430 ]
}

@test "a challenge asks for other claims once" {
	ctl switch claims 1 >/dev/null
	rest GET /keys/pg | answers 401 Unauthorized
	[[ $(header www-authenticate) == *'error="insufficient_claims", claims="'* ]]
	rest GET /keys/pg | answers 200
}

@test "switches are set over HTTPS as well, and state shows them" {
	kv_curl -d '{"throttle":1,"retry-after":3}' "$KV_URL/_kvemu/switch" |
		member '.ok and .boottime_us > 0'
	kv_curl "$KV_URL/_kvemu/state" | member '.switches |
		.throttle == 1 and .["retry-after"] == 3'
	rest GET /keys/pg | answers 429 Throttled
	kv_curl -d '{"argv":["key","delete","pg"]}' "$KV_URL/_kvemu/ctl" |
		member .ok
	rest GET /keys/pg | answers 404 KeyNotFound
	kv_curl -d '{"refuse":1}' "$KV_URL/_kvemu/switch" || true
	run rest GET /keys/pg
	[ "$status" -eq 7 ]
}

@test "what is no switch, or no value of it, is refused" {
	run ctl switch nonsense on
	[ "$status" -eq 1 ]
	run ctl switch slow fast
	[ "$status" -eq 1 ]
	run ctl switch retention-days 91
	[ "$status" -eq 1 ]
	run ctl nonsense
	[ "$status" -eq 1 ]
	run "$KVEMU" ctl --dir "$BATS_TEST_TMPDIR" state
	[ "$status" -eq 2 ]
}

@test "the log has a line for every request, and no secret in it" {
	local value secret

	secret=$(echo 'very secret indeed' | b64url)
	KV_REQUEST_ID=request-4711 wrap pg <<<'very secret indeed' \
		>"$BATS_TEST_TMPDIR/wrapped"
	value=$(member .value <"$BATS_TEST_TMPDIR/wrapped")
	unwrap pg "$value" >/dev/null
	ctl log 2 | head -n 1 | member "
		.op == \"wrapKey\" and .status == 200 and
		.method == \"POST\" and
		.client_request_id == \"request-4711\" and
		.kid == $(jq .kid "$BATS_TEST_TMPDIR/wrapped") and
		.oid == \"$(ctl --get identities.0.oid state)\" and
		.boottime_us > 0 and (.time | test(\"^[0-9-]+T\"))"
	ctl deny default get >/dev/null
	rest GET /keys/pg >/dev/null
	ctl log 1 | member '.status == 403 and
		.code == "Forbidden/ForbiddenByPolicy"'
	run grep -F -e "$secret" -e "${KV_TOKEN: -20}" -e "${value: -20}" \
		"$KV_DIR/requests.log"
	[ "$status" -eq 1 ]
}

@test "an act tells the moment on the clock of the kernel" {
	local before act after

	before=$(awk '{ printf "%.0f", $1 * 1000000 }' /proc/uptime)
	act=$(ctl --get boottime_us key delete pg)
	after=$(awk '{ printf "%.0f", $1 * 1000000 + 20000 }' /proc/uptime)
	[ "$act" -ge "$before" ]
	[ "$act" -le "$after" ]
}

@test "an expiry is told on that clock too" {
	ctl key exp pg +30 >"$BATS_TEST_TMPDIR/exp"
	member '(.exp_boottime_us - .boottime_us) as $d |
		$d > 28900000 and $d < 30100000' <"$BATS_TEST_TMPDIR/exp"
}
