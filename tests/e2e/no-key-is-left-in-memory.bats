#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-more-kernels: 6.1
# cmk-mode: host
# cmk-timeout: 900
#
# From outside, the whole memory of a machine is searched for the keys of its
# volumes and of what brought them there, wherever the kernel or a program could
# have them.  While a volume is live and read from, each of them is found as the
# cipher's driver has it; afterwards none is, in any form.  But for the test of
# plaintext, this kernel zeroes neither what it frees nor what it allocates, so
# that what the product forgets to wipe stays to be seen.

load ram/ram

setup_file() {
	[ "$(id -u)" = 0 ] || skip "needs root"
	ram_up init_on_alloc=0
}

teardown_file() { ram_down; }
setup() { ram_names; }
teardown() { [ -z "${HANG-}" ] || guest go; }

TIMES=${CMK_TIMES:-${CMK_LONG:+20}}
TIMES=${TIMES:-1}
# Microseconds; where other machines are beside this one, not what it takes but
# that it does not wait for a minute
AT_MOST=${CMK_LONG:+100000}
AT_MOST=${AT_MOST:-1000000}

# Both key schedules of each DEK, and of the sealed transport's last session as
# the kernel has it.  The first two round keys of a schedule are a half of the
# key itself.  Nothing else: no copy of a whole key, no form for a wire, no
# header key; no earlier session, nor what the last one was made of.
LIVE='^(enc|dec|raw)/([a-z]*\.dek|now\.key)'

live() {
	guest live
	ram_search_idle ram_learn
	only "${1-$LIVE}"
}

# ends CASE...: on live volumes one after the other; after each nothing is left
ends() {
	local name

	live "${CONTROL-$LIVE}"
	for name; do
		guest "$name"
		ram_search_idle
		none
	done
}

# alone CASE: likewise of what ends the agent, just after it was busy: what
# handles an answer of the vault has the header key, and keeps it when it is
# stopped, or leaves it to the kernel when it is killed
alone() {
	live
	ram_next_request
	ram_settle
	guest "$1"
	[ "$(asked)" = "$SETTLED" ] || {
		echo "the agent was not idle when it ended"
		return 1
	}
	ram_search
	none
}

repeated() {
	local i

	for ((i = 0; i < TIMES; i++)); do
		"$@"
	done
	[ "$TIMES" = 1 ] || echo "# $TIMES times: $*" >&3
}

@test "revoke, and again after a restore" {
	ends revoke
	repeated ends revoke
}

# on_their_way: the agent has some keys and waits for others.  It gives up after
# five seconds of its own time, which stands still while it is searched.
on_their_way() {
	local end

	guest revoke
	vault switch fault-op unwrapKey >/dev/null
	vault switch quick 7 >/dev/null
	vault switch slow 60000 >/dev/null
	guest begin
	end=$((SECONDS + 120))
	until ram_search && grep -q ^copy/direct.dek "$HITS"; do
		[ $SECONDS -lt $end ] || return 1
	done
}

interrupted() {
	live
	on_their_way
	guest revoke
	ram_search
	vault reset >/dev/null
	none
}

@test "revoke while the keys are on their way" {
	repeated interrupted
}

# A range has two keys until the last sector is under the new one.
@test "a rekey, which leaves nothing of the former key" {
	local mode

	live
	guest rekey
	for mode in direct hk; do
		ram_next $mode
	done
	ram_search_idle ram_learn
	only "$LIVE|^(enc|dec|raw)/[a-z]*\.next"

	guest rekeyed
	for mode in direct hk; do
		ram_rekeyed $mode 3
	done
	ram_search_idle ram_learn
	grep -q ^raw/direct.former "$NEEDLES"
	grep -q ^raw/hk.former "$NEEDLES"
	only "$LIVE"
}

# quickly MICROSECONDS...
quickly() {
	local took

	for took; do
		echo "$took" >>"$BATS_TEST_TMPDIR/took"
		[ "$took" -le $AT_MOST ]
	done
}

# What hangs below hangs until the search is over.
while_they_hang() {
	local took

	live
	HANG=1
	guest hang "${HOW[@]}"
	guest timed >"$BATS_TEST_TMPDIR/timed"
	mapfile -t took <"$BATS_TEST_TMPDIR/timed"
	[ ${#took[@]} = 2 ]
	quickly "${took[@]}"
	ram_search
	guest hangs
	none
	guest go
	HANG=
	HOW=("${HOW[1]}" "${HOW[0]}")
}

@test "revoke while one device below delays all by 60 s, one is suspended" {
	HOW=(delayed suspended)
	repeated while_they_hang
	echo "# median and worst of the revokes:" \
		"$(sort -n "$BATS_TEST_TMPDIR/took" | awk '{a[NR] = $1}
		END {print a[int((NR + 1) / 2)], a[NR]}') us" >&3
}

@test "hold" {
	repeated ends hold
}

@test "the lease ends, the agent killed" {
	repeated alone killed
}

@test "the lease ends, the agent stopped" {
	repeated alone stopped
}

@test "close, and the module unloaded" {
	repeated ends close unload
}

@test "the registers of a CPU are searched: at work it has keys in them" {
	local tries

	guest live
	for ((tries = 0; tries < 60; tries++)); do
		ram_search_cpus
		[ ! -s "$HITS" ] || break
	done
	grep -E "$LIVE" "$HITS"
}

# After a lapse nobody has asked for more than the keys' end.
plaintext_ends() {
	ends revoke
	ends hold
	ends close unload
}

@test "where the kernel zeroes what it frees, no plaintext is left" {
	# As ram/guest writes it.
	seq 100000000 100419429 >"$BATS_TEST_TMPDIR/text"
	"$RAM_DIR/needles" "$BATS_FILE_TMPDIR/kek.pem" \
		"text=$BATS_TEST_TMPDIR/text" >>"$LASTING"
	ram_again init_on_free=1
	CONTROL="$LIVE|^text/" repeated plaintext_ends
}

@test "the search finds each thing that it looks for" {
	planted | vm exec "$VM" -- /root/guest plant
	ram_search
	only .
}
