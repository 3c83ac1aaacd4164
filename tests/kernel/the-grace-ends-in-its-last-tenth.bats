#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-more-kernels: 6.1
# cmk-mode: plain
# cmk-disk: 64M
# cmk-disk: 64M
# cmk-cpus: 1
# cmk-timeout: 500
#
# An outage that is longer than OfflineGrace ends in a hold, between nine tenths
# and all of it after the last proof, by the volume's uuid.  New agents, one
# after the other, that reach no vault change nothing of it.

load ../lib/guest
load cmk
load agent

GRACE=30000000
SOON=6f0f3c6e-8b0e-4f6a-9d3e-0d5c1c7bffff
LATE=6f0f3c6e-8b0e-4f6a-9d3e-0d5c1c7b0000

setup() {
	modprobe dm-cmk
	vault_start
	agent_config OfflineGrace=30s
	agent_start
	volume_make --uuid $SOON
	wipefs -aq "$CMK_DISK2"
	cmkctl -q format "$CMK_DISK2" --force --kek "$KEK" --range-size 32M \
		--uuid $LATE
	cmkctl open "$CMK_DISK2" late --kek "$KEK"
}

teardown() {
	ctl reset >/dev/null
	wait_state "ready none" 40 || true
	gone late
	all_down
}

# now: CLOCK_BOOTTIME in microseconds, to 10 ms
now() {
	local up

	read -r up _ </proc/uptime
	echo "${up/./}0000"
}

# The end is between the last sight of the open gate and the first of the held.
watch() {	# NAME
	local at open held end=$((SECONDS + 60))

	while [ "$SECONDS" -lt "$end" ]; do
		at=$(now)
		case $(dmsetup status "$1") in
		*"gate=open cause=none"*) open=$at ;;
		*"gate=held cause=grace"*) break ;;
		*) return 1 ;;
		esac
		sleep 0.1
	done
	[ "$SECONDS" -lt "$end" ]
	held=$(now)
	echo "$open $held" >"$BATS_TEST_TMPDIR/seen-$1"
}

unwraps() { grep -c '"op":"unwrapKey"' "$KV_DIR/requests.log"; }

# The proof of both is one answer; those before were keys of one of them.
after_probe() {
	local n

	n=$(unwraps)
	until [ "$(unwraps)" -gt "$n" ]; do sleep 0.1; done
	sleep 0.5
}

proof_at() {
	jq -s 'map(select(.op == "unwrapKey" and .status == 200)) |
		last.boottime_us' "$KV_DIR/requests.log"
}

# When the vault answered is up to a RequestTimeout after it was asked, from
# which the grace counts.
ended() {	# NAME NOT_BEFORE NOT_AFTER
	local open held proof

	proof=$(proof_at)
	read -r open held <"$BATS_TEST_TMPDIR/seen-$1"
	echo "# $1: $(((open - proof) / 1000)) to" \
		"$(((held - proof) / 1000)) ms after the last proof" >&3
	[ "$open" -le $((proof + $3)) ]
	[ "$held" -ge $((proof + $2 - 1000000)) ]
}

agents_come_and_go() {
	local n=0 end=$((SECONDS + 60))

	until [ -e "$BATS_TEST_TMPDIR/seen-late" ] || [ $SECONDS -ge $end ]; do
		agent_stop KILL
		agent_start
		n=$((n + 1))
		sleep 1
	done
	echo "# $n agents" >&3
	[ "$n" -ge 3 ]
}

@test "it does, by uuid, whatever the number of restarts of the agent" {
	local watchers=()

	after_probe
	ctl switch outage 503 >/dev/null
	watch vol 3>&- &
	watchers+=($!)
	watch late 3>&- &
	watchers+=($!)
	agents_come_and_go
	wait "${watchers[0]}"
	wait "${watchers[1]}"
	ended vol $((GRACE * 9 / 10)) $((GRACE * 9 / 10 + 100000))
	ended late $((GRACE - 100000)) $GRACE
	cmkctl status --json late |
		jq -e '.volumes[0] | .state == "held" and .cause == "grace"'
}
