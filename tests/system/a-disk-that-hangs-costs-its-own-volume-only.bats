#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-mode: systemd
# cmk-disk: 256M
# cmk-timeout: 500
#
# An agent that begins beside a disk that does not answer takes over all other
# volumes at once, may itself be replaced meanwhile, and takes over that one
# when its disk answers.

load ../lib/guest
load node

SLOW=/dev/mapper/slow

setup_file() {
	node_up
	modprobe brd rd_nr=1 rd_size=65536
	dmsetup create slow --table "0 131072 linear /dev/ram0 0"
	cmkctl -q format $SLOW --force --kek $KEK
	cmkctl open $SLOW other --kek $KEK
}

teardown_file() {
	cmkctl close other
	dmsetup remove --retry slow
	modprobe -r brd
	node_down
}

setup() {
	node_ready
	START=$(now)
}

teardown() {
	dmsetup resume slow
	node_tell
}

hang() { dmsetup suspend --noflush --nolockfs slow; }

other() { cmkctl status --json other | jq -r ".volumes[0] | $1"; }
other_is() { [ "$(other '"\(.state) \(.cause)"' 2>/dev/null)" = "$1" ]; }
is_told() {
	[[ "$(other .not_watched)" == "$(readlink -f $SLOW) does not answer"* ]]
}
is_watched() { [ "$(other '.not_watched // "no"')" = no ]; }
is_closed() { ! cmkctl status other >/dev/null; }

reader() { pgrep -f '^cmkd --read-header'; }
has_gone() { [ ! -e "/proc/$1" ]; }

lease_left() { status .lease_left_ms; }
is_more() { [ "$(lease_left)" -gt "$1" ]; }

pid() { systemctl show -P MainPID cmkd; }
is_new() { [ "$(pid)" != "$1" ] && [ "$(pid)" != 0 ]; }

# vol_is_spared: no I/O of it has waited for long, its lease never ended, and
# nobody said that it cannot be watched
vol_is_spared() {
	storm_wait
	[ "$(storm errors)" = 0 ]
	[ "$(storm slowest)" -lt 5000000 ]
	state_is "ready none"
	decided 0
	[ -z "$(entry lease-lapse | jq 'select(.CMK_NAME == "vol")')" ]
	[ "$(journalctl -b -u cmkd -o cat --no-pager |
		grep -c '^vol: open, but cannot be watched')" = 0 ]
}

# other_comes_back: when its disk answers
other_comes_back() {
	dmsetup resume slow
	until_true 15 is_watched
	until_true 30 other_is "ready none"
	[ -z "$(reader)" ]
}

@test "the others keep their leases, and it loses its own" {
	storm_start 30
	hang
	systemctl restart cmkd
	until_true 5 is_told
	until_true 20 other_is "held lease"
	[ -n "$(entry lease-lapse | jq 'select(.CMK_NAME == "other")')" ]
	is_told
	vol_is_spared
	other_comes_back
}

@test "an agent that dies meanwhile is replaced at once" {
	local old reader left

	storm_start 40
	hang
	systemctl restart cmkd
	until_true 5 is_told
	reader=$(reader)
	# Nothing that it could keep from anybody while it hangs
	ls -l "/proc/$reader/fd"
	[ "$(readlink "/proc/$reader/fd/"{3,4})" = \
		"/memfd:cmk-header (deleted)"$'\n'"$(readlink -f $SLOW)" ]
	[ "$(ls "/proc/$reader/fd" | wc -w)" = 5 ]
	old=$(pid)
	systemctl kill --kill-whom=main -s KILL cmkd
	left=$(lease_left)
	until_true 3 is_new "$old"
	until_true 5 is_more "$left"
	# Not a word of another program, which the first process would be
	until_true 5 is_told
	[ -e "/proc/$reader" ]
	vol_is_spared
	other_comes_back
}

@test "one that is closed while its disk hangs leaves no process" {
	local reader

	hang
	systemctl restart cmkd
	until_true 5 is_told
	reader=$(reader)
	dmsetup remove other
	until_true 5 is_closed
	[ -e "/proc/$reader" ]
	dmsetup resume slow
	until_true 5 has_gone "$reader"
	cmkctl open $SLOW other --kek $KEK
	other_is "ready none"
}
