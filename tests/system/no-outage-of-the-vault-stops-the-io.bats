#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-mode: systemd
# cmk-disk: 256M
# cmk-timeout: 1500
#
# Whatever keeps the vault from a verdict holds and revokes nothing: no I/O
# fails or takes longer than a second, the lease is renewed (it is no longer
# than the outage), and status says what the vault answered.  The same over
# three leases, with a new agent in the middle that has heard of no proof.

load ../lib/guest
load node

LASTS=${CMK_LONG:+60}
LASTS=${LASTS:-15}

setup_file() { node_up OfflineGrace=4h; }
teardown_file() { node_down; }
setup() { node_ready; }
teardown() { node_tell; }

# during COMMAND...: I/O to the end of what the vault was told to do
during() {
	local from

	from=$(vault --get boottime_us "$@")
	storm_start $((LASTS + 1))
	if [ -n "${MIDDLE-}" ]; then
		sleep $((LASTS / 2))
		"$MIDDLE"
	fi
	storm_wait
	[ $(($(now) - from)) -ge $((LASTS * 1000000)) ]
	[ "$(storm errors)" = 0 ]
	[ "$(storm slowest)" -lt 1000000 ]
	decided 0
	echo "# slowest I/O $(($(storm slowest) / 1000)) ms" >&3
}

new_agent() { systemctl kill -s KILL cmkd; }

@test "three leases long, with a new agent in the middle" {
	local pid

	pid=$(systemctl show -P MainPID cmkd)
	LASTS=46
	MIDDLE=new_agent
	during switch refuse on
	[ "$(systemctl show -P MainPID cmkd)" != "$pid" ]
	state_is "grace none"
	[ "$(status .live)" = 8 ]
	vault reset >/dev/null
	wait_state "ready none" 40
	data_is_equal
}

# told ANSWER CODE TEXT
told() {
	cmkctl status --json vol | jq -e --arg answer "$1" --arg code "$2" \
		--arg text "$3" '.volumes[0] | .last_answer == $answer and
			(.last_code // "none") == $code and
			(.last_error | contains($text))' >/dev/null
}

# outage ANSWER CODE TEXT SWITCH VALUE: what status says of it
outage() {
	local answer=$1 code=$2 text=$3
	shift 3

	during switch "$@"
	cmkctl status vol
	state_is "grace none"
	[ "$(status .live)" = 8 ]
	# A probe for which the host had no time has another answer.
	until_true 15 told "$answer" "$code" "$text"
	cmkctl status vol | grep -q "last answer: *$answer"
	vault reset >/dev/null
	wait_state "ready none" 40
	data_is_equal
}

@test "it refuses connections" { outage unknown none connect refuse on; }

@test "it answers 500" { outage unknown InternalServerError 500 outage 500; }

@test "it does not answer in time" {
	outage unknown none "no answer" slow 5000
}

@test "it answers with a page of HTML" { outage unknown none 502 html on; }

@test "it throttles" { outage unknown Throttled 429 throttle on; }

@test "its firewall refuses this node" {
	outage network-denied Forbidden/ForbiddenByFirewall 403 \
		firewall on
}

@test "a GET is refused while unwrap works" {
	local refused='.op == "get" and .status == 403' before

	before=$(asked "$refused")
	during deny default get
	[ "$(asked "$refused")" -gt "$before" ]
	wait_state "ready none" 10
	[ "$(status .last_answer)" = usable ]
}

@test "control: taken for a denial, the firewall's answer would stop it" {
	node_config OfflineGrace=4h OnNetworkDenied=denied
	systemctl reload cmkd
	storm_start 60
	vault switch firewall on >/dev/null
	storm_wait
	[ "$(storm errors)" = 2 ]
	until_true 10 decided 1
	node_config OfflineGrace=4h
	systemctl reload cmkd
}
