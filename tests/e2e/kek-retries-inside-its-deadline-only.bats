#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# What passes is tried again within the deadline, later each time or when the
# vault says; a denial and a bad request are not.
#
# cmk-timeout: 180

load kek

setup() {
	kek_setup
	kek_wrap
	log_mark
}

teardown() {
	kvemu_stop
}

@test "a short outage, a dropped connection, throttling: the second try" {
	ctl switch drop 1 >/dev/null
	probe
	is .plain_ok
	ctl switch throttle 1 >/dev/null
	probe
	is .plain_ok '.elapsed_ms > 350'
	[ "$(requests unwrapKey)" -ge 3 ]
}

@test "a probe has two tries, a long operation more" {
	ctl switch outage 503 >/dev/null
	probe --deadline 5000
	is '.http == 503' '.elapsed_ms < 4900'
	[ "$(requests unwrapKey)" = 2 ]
	log_mark
	probe --deadline 12000
	is '.http == 503' '.elapsed_ms < 12000'
	[ "$(requests unwrapKey)" -ge 4 ]
}

@test "Retry-After is honoured, and not waited for beyond the deadline" {
	ctl switch throttle 1 >/dev/null
	ctl switch retry-after 2 >/dev/null
	probe
	is .plain_ok '.elapsed_ms >= 2000'
	ctl switch throttle on >/dev/null
	ctl switch retry-after 30 >/dev/null
	probe
	is '.http == 429' '.retry_after == 30' '.elapsed_ms < 4000'
}

@test "a hung try leaves time for another, and the deadline holds" {
	ctl switch slow 2700 >/dev/null
	probe --deadline 5000
	is '.answer == "unknown"' '.elapsed_ms > 4000' '.elapsed_ms < 8000'
	# the vault logs a request when it has answered
	sleep 3
	[ "$(requests unwrapKey)" = 2 ]
	probe --deadline 1000
	is '.error == "timeout"' '.elapsed_ms >= 900' '.elapsed_ms < 2500'
}

@test "denials and bad requests are asked once" {
	ctl key disable pg >/dev/null
	probe
	ctl key enable pg >/dev/null
	ctl deny default unwrapKey >/dev/null
	probe
	ctl allow default unwrapKey >/dev/null
	ctl switch bad-padding on >/dev/null
	probe
	ctl key delete pg >/dev/null
	probe
	is '.answer == "denied-deleted"'
	[ "$(requests unwrapKey)" = 4 ]
}
