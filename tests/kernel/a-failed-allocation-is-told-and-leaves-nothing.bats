#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-more-kernels: 6.1
# cmk-mode: plain
# cmk-disk: 64M
# cmk-timeout: 500
#
# Tables, keys, restores and revokes while each allocation on their way fails in
# its turn: they work or say ENOMEM, and are done again with success.

load ../lib/guest
load ../lib/trace
load cmk
load fail

SIZE=16384

setup_file() { modprobe cmk-fail; }
teardown_file() { fail_unload; }
setup() { modprobe dm-cmk; }

teardown() {
	trace_clear
	echo 0 >$FAIL/from
	gone cmk
	rm -f $TRACE
}

open_cmk() {
	cmk_create cmk "$CMK_DISK" 2048 0 0 $SIZE "$@"
}

# One of so many; each of them in the long form
STEP=${CMK_LONG:+1}
STEP=${STEP:-3}

# each_fails MIN BEFORE COMMAND...: COMMAND, each time after BEFORE, until no
# allocation is left to fail; at least so many must have been
each_fails() {
	local n=$((1 - STEP)) min=$1 before=$2

	errors=0
	shift 2
	while :; do
		n=$((n + STEP))
		$before
		fail_from $n 1 $FAIL_DEEP
		run timeout 60 bash -c "$(declare -f); $(declare -p UUID \
			KEY_A KEY_B SIZE CMK_DISK); $*"
		fail_end
		[ "$failed" != 0 ] || break
		[ "$status" != 0 ] || continue
		echo "allocation $n: $output"
		[[ "$output" =~ ENOMEM|"Cannot allocate memory"|"out of memory" ]]
		errors=$((errors + 1))
		"$@"
	done
	echo "$output"
	[ "$status" = 0 ]
	echo "# one in $STEP of $((n - 1)) allocations, $errors end it" >&3
	[ $n -gt "$min" ]
}

volumes() { nl "get $UUID" 2>&1; }

closed() {
	gone cmk
	# Nothing of a table that could not be loaded is left.
	[[ "$(volumes)" == *ENODEV* ]]
}

@test "a table" {
	trace_pages
	each_fails 10 closed open_cmk
	gone cmk
	# Each queue has a thread of its own.
	run pgrep -l '^(kworker/R-)?cmkr?/'
	[ "$status" = 1 ]
	rmmod dm_cmk
	trace_end
	[ "$(trace_count ^page)" -ge 100 ]
	echo "# $(trace_pages_left) pages not given back" >&3
	[ "$(trace_pages_left)" = 0 ]
}

# Where no page of an earlier volume is left, most of what a table asks for is
# the pages of its reserve.  One that was not had is not given back.
@test "a table, of a module that has kept no page" {
	local n asked back within=0

	for n in 4 9 14 19 24; do
		rmmod dm_cmk
		modprobe dm-cmk
		# No probe of returns, see trace_reserve().
		trace_begin 'p:cmk/page dm_cmk:cmk_page_alloc' \
			'p:cmk/free __free_pages' "${TRACE_EXIT[@]}"
		fail_from $n 1 $FAIL_DEEP
		run open_cmk
		fail_end
		[ "$failed" = 1 ]
		[[ "$output" == *"Cannot allocate memory"* ]]
		rmmod dm_cmk
		trace_end
		asked=$(trace_count ^page)
		back=$(trace_exit_pages)
		echo "# allocation $n: $asked pages, $back given back" >&3
		if [ "$back" != "$asked" ]; then
			[ "$back" = $((asked - 1)) ]
			within=$((within + 1))
		fi
		modprobe dm-cmk
	done
	[ $within -ge 2 ]
}

keyless() { nl "drop $UUID"; }
set_first() { nl "set $UUID 0 1 $KEY_A"; }

@test "a key" {
	open_cmk
	each_fails 3 keyless set_first
	nl "get $UUID" | grep -q live=1
}

held() { nl "hold $UUID"; }
restore() { nl "restore $UUID 3600 hold"; }

@test "a restore" {
	open_cmk lease
	nl "renew $UUID 3600 hold"
	each_fails 0 held restore
	nl "get $UUID" | grep -q gate=open
}

live() {
	gone cmk
	open_cmk
	set_keys "$KEY_A" "$KEY_B"
}

message() { dmsetup message cmk 0 revoke; }
revoke() { echo "revoke $UUID" | nltool unbound; }

# These have nothing to ask for that could be missing: they always work.
@test "a revoke, by message and by netlink" {
	local verb

	for verb in message revoke; do
		each_fails 0 live $verb
		nl "get $UUID" | grep -q 'gate=revoked.*live=0'
		[ "$errors" = 0 ]
	done
}
