#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-mode: systemd
# cmk-disk: 256M
# cmk-timeout: 400
#
# An agent that does nothing any more is ended by its watchdog and replaced, as
# often as it happens, and no I/O notices, since that is within the lease.

load ../lib/guest
load node

setup_file() {
	# Twelve times the watchdog's, of which the default is ten
	node_up LeaseTTL=60s
	mkdir -p $DROPIN
	printf '[Service]\nWatchdogSec=5\n' >$DROPIN/hangs.conf
	systemctl daemon-reload
	systemctl restart cmkd
}

teardown_file() { node_down; }
setup() { node_ready; }
teardown() { node_tell; }

pid() { systemctl show -P MainPID cmkd; }
is_new() { [ "$(pid)" != "$1" ] && [ "$(pid)" != 0 ]; }

# It can be neither asked nor told anything.
hangs() {
	local pid

	pid=$(pid)
	systemctl kill -s STOP cmkd
	until_true 30 is_new "$pid"
	until_true 30 answers
}

answers() {
	printf '{"method":"Status"}\n' |
		socat -t 2 - UNIX-CONNECT:/run/cmk/cmkd.sock | grep -q bound
}

@test "no I/O notices, though it hangs again and again" {
	local i

	storm_start 45
	for ((i = 0; i < 2; i++)); do
		hangs
	done
	storm_wait
	[ "$(storm errors)" = 0 ]
	[ "$(storm slowest)" -lt 1000000 ]
	[ "$(systemctl show -P NRestarts cmkd)" -ge 2 ]
	wait_state "ready none" 10
	decided 0
	data_is_equal
}
