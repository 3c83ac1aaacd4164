#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-more-kernels: 6.1
# cmk-mode: plain
# cmk-disk: 64M
# cmk-timeout: 600
#
# What may happen at the same moment does so again and again, under load: each
# I/O ends and is told what it may be told, reads what was written, and none
# that begins behind a closed gate succeeds; keys are gone when a revoke has
# returned; in the end all is given back.  A race that always falls one way
# has not been run: both orders are counted.
#
# In the long form each goes on for ten minutes.

load ../lib/guest
load cmk

SECONDS_EACH=${CMK_LONG:+600}
SECONDS_EACH=${SECONDS_EACH:-4}
SEED=${CMK_SEED:-$RANDOM}

setup() { modprobe dm-cmk; }

teardown() {
	gone race
	# Where the module stays, the next test would begin with it.  What it
	# needs may stay: others may have begun to use that.
	[ ! -e /sys/module/dm_cmk ] || rmmod dm_cmk
}

# unreclaimable: KiB of the kernel that nobody can ask back
unreclaimable() {
	echo 3 >/proc/sys/vm/drop_caches
	awk '/^(SUnreclaim|Percpu|VmallocUsed|KernelStack):/ {n += $2}
		END {print n}' /proc/meminfo
}

# race_for SECONDS KIND: the line that tells is in TOLD
race_for() {
	race "$2" race "$UUID" "$CMK_DISK" "$1" 4000000000 "$SEED" \
		>/tmp/race || { cat /tmp/race; return 1; }
	TOLD=$(tail -n 1 /tmp/race)
	echo "$TOLD"
}

# both_orders: in the long form neither may be missing
both_orders() {
	local both

	both=$(field both "$TOLD")
	[ $((both + $(field first "$TOLD"))) -gt 0 ]
	[ $((both + $(field second "$TOLD"))) -gt 0 ]
}

# races KIND: what the rounds leave behind is compared with the rounds.  A slot
# with its cipher is more than 2 KiB, a volume or a bounce page more.
races() {
	local before after rounds

	race_for 1 "$1"
	before=$(unreclaimable)
	race_for "$SECONDS_EACH" "$1"
	after=$(unreclaimable)
	rounds=$(field rounds "$TOLD")
	echo "# $TOLD left=$((after - before))KiB" >&3
	[ "$rounds" -ge 3 ]
	[ -z "${CMK_LONG-}" ] || both_orders
	[ $((after - before)) -le $((2048 + rounds)) ]
	no_d_state
}

@test "a revoke against I/O that is being mapped" { races revoke-map; }
@test "a revoke against key sets" { races revoke-set; }
@test "a restore against a revoke" { races restore-revoke; }
@test "a restore against I/O that is being refused" {
	races restore-refuse
}
@test "the lapse of a lease against its renewal" { races lapse-renew; }
@test "a hold against reads under way" { races hold-reads; }
@test "hold, revoke and restore against a table reload" {
	races command-reload
}
@test "remove --force of a live, a held and a revoked volume" {
	races revoke-remove
}
@test "an agent's end against the bind of the next" { races bind-release; }
@test "the module's unload against its use" { races unload-use; }
