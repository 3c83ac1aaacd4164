#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-more-kernels: 6.1
# cmk-mode: plain
# cmk-disk: 64M
# cmk-timeout: 240
#
# A key reaches the kernel sealed: who captures all netlink of the machine has
# the messages and no key in them.  A message that was sealed for another
# place, that comes again or out of order, or that is of a session which has
# ended is refused; an agent whose session was ended goes on with the next.

load ../lib/guest
load cmk

OTHER=6f0f3c6e-8b0e-4f6a-9d3e-0d5c1c7b2a11
CAPTURE=/tmp/capture

setup() {
	modprobe dm-cmk
	cmk_create cmk "$CMK_DISK" 2048 0 0 8192
	UUID=$OTHER cmk_create other "$CMK_DISK" 2048 0 8192 8192
}

teardown() {
	[ -z "${DUMPER-}" ] || kill "$DUMPER" 2>/dev/null || true
	! ip link show nlmon0 >/dev/null 2>&1 || ip link del nlmon0
	gone cmk other
}

capture_on() {
	modprobe nlmon
	ip link add nlmon0 type nlmon
	ip link set nlmon0 up
	tcpdump -Z root -i nlmon0 -s 0 -U -w $CAPTURE 2>/tmp/tcpdump 3>&- &
	DUMPER=$!
	until_true 15 grep -q listening /tmp/tcpdump
}

capture_off() {
	kill -INT "$DUMPER"
	wait "$DUMPER" || true
	DUMPER=
}

# captured HEX: any 16 bytes of it, as they are or as text
captured() {
	python3 -c 'import sys
seen = open(sys.argv[1], "rb").read()
key = bytes.fromhex(sys.argv[2])
parts = [key[at:at + 16] for at in range(len(key) - 15)]
forms = [p for part in parts
         for p in (part, part.hex().encode(), part.hex().upper().encode())]
sys.exit(not any(form in seen for form in forms))' $CAPTURE "$1"
}

bytes_of() { openssl rand -hex 64; }

@test "a capture of all netlink has the messages and no key" {
	keys=("$(bytes_of)" "$(bytes_of)")
	alias=$(bytes_of)
	capture_on
	set_keys "${keys[@]}"
	# What does travel in the clear is found by the same search: the uuid
	# as bytes, and a key that somebody gives away.
	ip link set nlmon0 alias "$alias"
	# It is the last message, and an end loses what was not read yet.
	until_true 15 captured "$alias"
	capture_off
	dmsetup status cmk | grep -q live=2
	captured "${UUID//-/}"
	captured "$alias"
	for key in "${keys[@]}"; do
		run captured "$key"
		[ "$status" = 1 ]
	done
}

@test "only a message of this session for this place is taken" {
	run nlseal "$UUID" "$OTHER"
	echo "$output"
	[ "$status" = 0 ]
	[ "$(grep -c . <<<"$output")" = 30 ]
	dmsetup status cmk | grep -q live=1
}

@test "an agent whose session was ended by a gate goes on" {
	coproc nltool
	echo "set $UUID 0 1 $KEY_A" >&"${COPROC[1]}"
	read -r answer <&"${COPROC[0]}"
	[[ "$answer" == "set ok"* ]]
	echo "# with a bind: $(took "$answer") us" >&3
	echo "set $OTHER 0 1 $KEY_B" >&"${COPROC[1]}"
	read -r answer <&"${COPROC[0]}"
	[[ "$answer" == "set ok"* ]]
	echo "# without: $(took "$answer") us" >&3
	for verb in hold revoke; do
		echo "$verb $OTHER" | nltool unbound
		echo "set $UUID 1 1 $KEY_B" >&"${COPROC[1]}"
		read -r answer <&"${COPROC[0]}"
		[[ "$answer" == "set ok"* ]]
	done
	gone other
	echo "set $UUID 2 1 $KEY_B" >&"${COPROC[1]}"
	read -r answer <&"${COPROC[0]}"
	[[ "$answer" == "set ok"* ]]
	dmsetup status cmk | grep -q live=3
	eval "exec ${COPROC[1]}>&-"
	wait
}

# took ANSWER: microseconds
took() { echo $(($(field end "$1") - $(field begin "$1"))); }

# A key is sealed anew eight times at most: between two closings there has to be
# time for a session.
@test "a key is sealed while another volume's gate closes again and again" {
	local gates i=0

	for _ in {1..20}; do
		echo "hold $OTHER"
		echo "restore $OTHER 60 hold"
		sleep 0.2
	done | nltool unbound >/tmp/gates 3>&- &
	gates=$!
	while kill -0 $gates 2>/dev/null; do
		echo "set $UUID $((i++ % 4)) 1 $KEY_A"
		sleep 0.01
	done | nltool >/tmp/sets
	wait $gates
	echo "# $(wc -l </tmp/sets) keys" >&3
	[ "$(grep -c '^set ok' /tmp/sets)" -ge 20 ]
	[ "$(grep -vc '^set ok' /tmp/sets)" = 0 ]
	[ "$(grep -c ' ok ' /tmp/gates)" = 40 ]
}

# without NAME ALGORITHM: the load fails and says what is missing
without() {
	gone cmk other
	rmmod dm-cmk
	rmmod "${@:3}" 2>/dev/null || true
	echo "install $1 /bin/false" >/etc/modprobe.d/cmk-test.conf
	dmesg -C
	run modprobe dm-cmk
	rm /etc/modprobe.d/cmk-test.conf
	dmesg | grep "cmk: "
	[ "$status" != 0 ]
	dmesg | grep -qF "cmk: no $2: "
	modprobe dm-cmk
}

@test "without one of its algorithms the module does not load, and says so" {
	without gcm 'gcm(aes)' gcm
}
