#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# A key that is deleted, disabled or expired is denied; a vault that is
# throttled, down, slow, cut off or not itself is not.
#
# cmk-timeout: 240

load kek

setup() {
	kek_setup
	kek_wrap
}

teardown() {
	kvemu_stop
}

@test "deleted and purged are denied, recovered is usable" {
	ctl key delete pg >/dev/null
	probe
	is '.answer == "denied-deleted"' '.http == 404' '.status == 4' \
		'.code == "KeyNotFound"' '.text | test("recover")'
	kek wrap "$KEY"
	is '.answer == "denied-deleted"'
	kek get "$KEY"
	is '.answer == "denied-deleted"'
	ctl key recover pg >/dev/null
	probe
	is '.answer == "usable"' .plain_ok
	ctl switch purge-protection off >/dev/null
	ctl key delete pg >/dev/null
	ctl key purge pg >/dev/null
	probe
	is '.answer == "denied-deleted"'
}

@test "disabled is denied, and get of it is not a denial but says so" {
	ctl key disable pg >/dev/null
	probe
	is '.answer == "denied-disabled"' '.http == 403' \
		'.code == "Forbidden/KeyDisabled"'
	kek get "$KEY"
	is '.answer == "usable"' '.enabled == false'
	ctl key enable pg >/dev/null
	probe
	is '.answer == "usable"'
}

@test "expired is denied by get by the vault's clock, and still unwraps" {
	ctl key exp pg +3600 >/dev/null
	kek get "$KEY"
	is '.answer == "usable"' '.exp > .date' '.enabled'
	ctl switch clock-offset 7200 >/dev/null
	kek get "$KEY"
	is '.answer == "denied-expired"' '.error == "kek-expired"' \
		'.exp < .date' '.status == 4'
	probe
	is '.answer == "usable"'
	ctl switch clock-offset -7200 >/dev/null
	ctl key exp pg $(($(date +%s) - 3600)) >/dev/null
	kek get "$KEY"
	is '.answer == "usable"' '.exp > .date'
	ctl key exp pg 32503680000 >/dev/null
	kek get "$KEY"
	is '.exp == 32503680000'
}

@test "an operation that the key does not allow is denied" {
	ctl key ops pg wrapKey >/dev/null
	probe
	is '.answer == "denied-permission"' \
		'.code == "Forbidden/KeyOperationForbidden"'
}

@test "firewall and closed network are the network's denial" {
	ctl switch firewall on >/dev/null
	probe
	is '.answer == "network-denied"' '.status == 5' \
		'.code == "Forbidden/ForbiddenByFirewall"' \
		'.text | test("127.0.0.1")'
	ctl reset >/dev/null
	ctl switch no-public on >/dev/null
	probe
	is '.answer == "network-denied"' \
		'.code == "Forbidden/ForbiddenByConnection"'
}

# FAULT VALUE FILTER...: the answer to a probe is unknown
unknown() {
	ctl switch "$1" "$2" >/dev/null
	shift 2
	probe
	is '.answer == "unknown"' '.status == 5 or .status == 1' "$@"
	ctl reset >/dev/null
	probe
	is '.answer == "usable"'
}

@test "throttled, down, not itself: unknown" {
	unknown throttle on '.http == 429' '.error == "throttled"'
	unknown outage 500 '.http == 500' '.error == "unavailable"'
	unknown outage 503 '.http == 503' '.error == "unavailable"'
	unknown html 502 '.http == 502'
	unknown html 403 '.http == 403' '.error == "unexpected"'
	unknown html 404 '.http == 404' '.error == "unexpected"'
	unknown html 401 '.http == 401' '.error == "unexpected"'
}

@test "cut off, silent, unreachable: unknown" {
	unknown drop on '.error == "unreachable"' '.http == null'
	unknown slow 4000 '.error == "timeout"' '.elapsed_ms < 7500'
	ctl switch refuse on >/dev/null
	probe
	is '.answer == "unknown"' '.error == "unreachable"' '.http == null'
}

@test "truncated JSON is unknown, of a success and of a denial" {
	unknown truncate on '.error == "malformed"'
	ctl key delete pg >/dev/null
	ctl switch truncate on >/dev/null
	probe
	is '.answer == "unknown"' '.http == 404'
}

@test "a blob that does not decrypt is no denial" {
	ctl switch bad-padding on >/dev/null
	probe
	is '.answer == "unknown"' '.http == 400' '.error == "bad-request"' \
		'.text | test("damaged")'
	ctl reset >/dev/null
	ctl switch wrong-plaintext on >/dev/null
	probe
	is '.answer == "usable"' '.plain_ok == false'
}
