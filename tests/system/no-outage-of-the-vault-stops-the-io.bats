#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-mode: systemd
# cmk-disk: 256M
# cmk-timeout: 420
#
# Whatever keeps the vault from a verdict holds and revokes nothing: no I/O
# fails or takes longer than a second, the lease is renewed (it is no longer
# than the outage), and status says what the vault answered.

load ../lib/guest
load node

LASTS=${CMK_LONG:+60}
LASTS=${LASTS:-15}

setup_file() { node_up OfflineGrace=4h; }
teardown_file() { node_down; }
setup() { node_ready; }
teardown() { node_tell; }

# during SECONDS-LONG SWITCH...: I/O before, during and to the end of it
during() {
	local from

	from=$(vault --get boottime_us "$@")
	storm_start $((LASTS + 1))
	storm_wait
	[ $(($(now) - from)) -ge $((LASTS * 1000000)) ]
	[ "$(storm errors)" = 0 ]
	[ "$(storm slowest)" -lt 1000000 ]
	[ "$(decisions)" = 0 ]
	echo "# slowest I/O $(($(storm slowest) / 1000)) ms" >&3
}

# outage ANSWER CODE TEXT SWITCH...: the last as `vault switch` takes it
outage() {
	local answer=$1 code=$2 text=$3
	shift 3

	during switch "$@"
	cmkctl status vol
	state_is "grace none"
	[ "$(status .live)" = 8 ]
	[ "$(status .last_answer)" = "$answer" ]
	[[ "$(status .last_code)" == $code ]]
	[[ "$(status .last_error)" == *$text* ]]
	cmkctl status vol | grep -q "last answer: *$answer"
	vault reset >/dev/null
	wait_state "ready none" 40
	data_is_equal
}

@test "it refuses connections" { outage unknown "" "onnect" refuse on; }

@test "it answers 500" { outage unknown "*" 500 outage 500; }

@test "it does not answer in time" { outage unknown "" "time" slow 5000; }

@test "it answers with a page of HTML" { outage unknown "" 502 html on; }

@test "it throttles" { outage unknown "*" 429 throttle on; }

@test "its firewall refuses this node" {
	outage network-denied "*ForbiddenByFirewall" 403 firewall on
}

@test "a GET is refused while unwrap works" {
	local refused='.op == "get" and .status == 403' before

	before=$(asked "$refused")
	during deny default get
	[ "$(asked "$refused")" -gt "$before" ]
	state_is "ready none"
	[ "$(status .last_answer)" = usable ]
}
