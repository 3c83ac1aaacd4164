#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-more-kernels: 6.1
# cmk-mode: plain
# cmk-mem: 1G
# cmk-disk: 64M
# cmk-disk: 64M
# cmk-disk: 1G
# cmk-append: cmk.resume=cmkdata2
# cmk-reboots
# cmk-own-vm
# cmk-timeout: 900
#
# The machine sleeps in the middle of a rekey, under load: again and again at
# random moments, with a stripe in flight; and for real, by an image on a disk
# from which it goes on after a reboot.  The stripe is ended before.  Where the
# sleep takes the keys, the rekey waits for them and then goes on; where they
# stay, it goes on by itself, from the record.  Nothing is encrypted twice, and
# no I/O fails.  CMK_SEED repeats the moments.

load ../lib/guest
load cmk
load lower
load rekey
load sleep

RUNS=${CMK_LONG:+20}
RUNS=${RUNS:-1}
SEED=${CMK_SEED:-$RANDOM}
TRACE=/sys/kernel/tracing
OTHER=6f0f3c6e-8b0e-4f6a-9d3e-0d5c1c7b2a11
SWAP=${CMK_DISKS##* }

setup() {
	modprobe -a dm-cmk dm-crypt dm-delay
	echo 0 >/sys/module/suspend/parameters/pm_test_delay
}

teardown() {
	echo none >/sys/power/pm_test
	# Whoever waits for keys waits no longer.
	[ "${#LOADS[@]}" = 0 ] || nl "revoke $UUID" "revoke $OTHER" || true
	loads_stop
	gone cmk oracle disk other
	[ ! -d $TRACE/events/cmk ] || {
		echo 0 >$TRACE/events/cmk/enable
		echo >$TRACE/kprobe_events
	}
	! grep -q "^$SWAP " /proc/swaps || swapoff "$SWAP"
}

# other COMMAND...: of the other volume
other() { NAME=other UUID=$OTHER DISK=$CMK_DISK2 "$@"; }

# live [asleep]: the keys, for as long as the lease runs
live() { nl "renew $UUID 3600 hold 3600000 ${1-}" >/dev/null; }

opened() {	# [asleep]
	no_record
	rekey_create lease
	live "$@"
	rekey_keys
	fill seed
}

# recorded: the state that the newer record on the disk has
recorded() {
	local place

	for place in 4 5; do
		dd if="$CMK_DISK" bs=1M skip=$place count=1 iflag=direct \
			status=none | od -A n -t u8 -j 0 -N 32 -w32
	done | awk '$1 >= seq {seq = $1; state = int($4 / 2 ^ 32) % 256}
		END {print state}'
}

# keys_back [WORD...]: as an agent does
keys_back() {
	nl "restore $UUID 3600 hold 3600000" >/dev/null
	case $(status rekey) in
	complete) nl "set $UUID 1 2 $NEW" >/dev/null ;;
	*) rekey_go_on "$@" ;;
	esac
	nl "set $UUID 0 1 $KEY_B" "set $UUID 2 1 $KEY_B" \
		"set $UUID 3 1 $KEY_B" >/dev/null
}

# finished: what cmk reads of the range is what dm-crypt does with the new key
finished() {
	reach complete 120
	loads_end
	rekey_done
	reach none 10
	rest_is_same "$NAME" "$(data seed)"
	crypt_create oracle "${DISK:-$CMK_DISK}" "$NEW" $RANGE \
		$((DATA + RANGE)) $RANGE 4096
	cmp <(dd if="/dev/mapper/$NAME" bs=1M skip=4 count=4 iflag=direct \
		status=none) <(dd if=/dev/mapper/oracle bs=1M iflag=direct \
		status=none)
	gone oracle
}

# taken: by the sleep, between two stripes
taken() {
	dmsetup status "$NAME"
	[ "$(status gate) $(status cause) $(status live)" = "held sleep 0" ]
	if [ "$(status rekey)" = complete ]; then
		[ "$(recorded)" = 4 ]
		return
	fi
	reach pending
	[ "$(status rekey_error)" = 0 ]
	[ "$(recorded)" = 2 ]
}

# kept: it goes on, unless it is over
kept() {
	dmsetup status "$NAME"
	[ "$(status gate) $(status cause)" = "open none" ]
	[[ "$(status rekey)" =~ running|complete ]]
}

# one_sleep: of either kind, at a random moment
one_sleep() {
	local before

	sleep 0.$((RANDOM % 10))
	[ "$(status rekey)" != complete ] || return 0
	[ "$(status rekey)" = running ]
	before=$(status rekey_done)
	slept=$((slept + 1))
	if ((slept % 3)); then
		live
		sleeps mem
		taken
		moved=$((moved + ($(status rekey_done) > before)))
		keys_back duty=100
	else
		live asleep
		sleeps mem
		kept
	fi
}

@test "at random moments" {
	local run slept=0 moved=0

	echo "# CMK_SEED=$SEED" >&3
	RANDOM=$SEED
	for ((run = 0; run < RUNS; run++)); do
		lower
		opened
		# A stripe takes two seconds, and one is always in flight.
		# The device that makes it so is not frozen with the rest:
		# nobody else may write through it.
		lower $RECORD 8192 delay "$CMK_DISK" $RECORD 0 \
			"$CMK_DISK" $RECORD 800
		loads "$NAME" "$(data seed)"
		rekey_start duty=100
		until [ "$(status rekey)" = complete ]; do
			one_sleep
		done
		lower
		finished
		gone cmk
	done
	echo "# $slept sleeps; of those that took the keys $moved waited for a" \
		"stripe" >&3
	[ $moved -ge 1 ]
}

@test "while it pauses" {
	DISK=$CMK_DISK
	opened asleep
	rekey_start paused
	reach paused
	sleeps mem
	[ "$(status gate) $(status rekey)" = "open paused" ]
	live
	sleeps mem
	[ "$(status gate) $(status rekey)" = "held pending" ]
	keys_back paused
	reach paused
	nl "rekey-resume $UUID" >/dev/null
	finished
}

# records_read: how often, by kprobe
records_read() { awk '$1 == "record" {print $2}' $TRACE/kprobe_profile; }

@test "hibernated, with the keys and without" {
	local was reads

	DISK=$CMK_DISK
	opened
	other opened asleep
	swap_on "$SWAP"
	echo 'p:cmk/record dm_cmk:cmk_record_read' >$TRACE/kprobe_events
	echo 1 >$TRACE/events/cmk/enable
	loads cmk "$(data seed)"
	loads other "$(data seed)"
	# A stripe of eight takes 10 s: on a machine that is busy, too, the
	# image is made before they are through.
	rekey_start bandwidth=50
	other rekey_start bandwidth=50
	beyond 1024
	other beyond 1024
	reads=$(records_read)
	hibernates
	taken
	other kept
	was=$(other status rekey_done)
	other beyond $((was + 1))
	# It was the record that said where.
	[ "$(records_read)" -ge $((reads + 2)) ]
	keys_back
	nl "rekey-resume $OTHER" >/dev/null
	finished
	other finished
}
