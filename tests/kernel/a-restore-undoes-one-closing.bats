#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-more-kernels: 6.1
# cmk-mode: plain
# cmk-disk: 64M
# cmk-timeout: 400
#
# A restore names the closing that it undoes.  After any other one, of whoever
# and also where it changed nothing, it opens nothing and changes nothing: what
# was closed since it was decided stays closed.

load ../lib/guest
load cmk

setup() {
	modprobe dm-cmk
	create
}

teardown() { gone cmk; }

create() {
	cmk_create cmk "$CMK_DISK" 2048 0 0 8192 lease hold_timeout:"${1:-600}"
	nl "renew $UUID 600 hold"
}

# all that a restore could change
state() { nl "get $UUID" | sed 's/ lease_ms=[0-9]*//; s/ get ok.*//'; }
closing() { field closing "$(state)"; }

# gate_is PATTERN [SECONDS]: before long
gate_is() {
	local i

	for ((i = 0; i < ${2:-0} * 10; i++)); do
		[[ "$(state)" != "gate="$1* ]] || return 0
		sleep 0.1
	done
	[[ "$(state)" == "gate="$1* ]]
}

# refused CLOSING TEXT: nobody's restore of it does anything
refused() {
	local before word

	before=$(state)
	for word in restore-of admin-restore-of; do
		run nl "$word $UUID $1 300 hold"
		echo "$output"
		[ "$status" = 1 ]
		[[ $output == "$word ESTALE: kernel: $2 (closing)" ]]
	done
	[ "$(state)" = "$before" ]
}

outdated() { refused "$1" "the gate was closed again since"; }

@test "what was closed further since stays so; the last closing is undone" {
	local held

	nl "hold $UUID"
	held=$(closing)
	nl "revoke $UUID"
	[ "$(closing)" -gt "$held" ]
	outdated "$held"
	outdated 0
	gate_is "revoked cause=kek-deleted sticky=0"
	nl "restore-of $UUID $(closing) 600 hold"
	gate_is "open cause=none"
	[ "$(closing)" = 0 ]
}

@test "a close that finds it closed is one more, whoever's it is" {
	local before words

	nl "admin-revoke $UUID"
	for words in "nl admin-revoke\ $UUID" "nl revoke\ $UUID" \
		"dmsetup message cmk 0 revoke"; do
		before=$(closing)
		eval "$words"
		outdated "$before"
		gate_is "revoked cause=admin sticky=1"
	done
	# The right number alone does not make an administrator.
	before=$(closing)
	run nl "restore-of $UUID $before 600 hold"
	[[ $output == *EPERM:* ]]
	nl "admin-restore-of $UUID $before 600 hold"
	gate_is "open cause=none"
}

@test "a close that is refused is none" {
	local before

	nl "admin-hold $UUID"
	before=$(closing)
	nl "!revoke $UUID"
	[ "$(closing)" = "$before" ]
	nl "admin-revoke $UUID"
	before=$(closing)
	nl "!admin-hold $UUID"
	nl "admin-restore-of $UUID $before 600 hold"
	gate_is "open cause=none"
}

@test "what the kernel closed by itself since stays so, too" {
	local before

	# The end of a hold
	gone cmk
	create 2
	nl "hold $UUID"
	before=$(closing)
	gate_is "revoked cause=hold-timeout" 30
	outdated "$before"

	# The end of a lease, of not-after
	before=$(closing)
	nl "restore-of $UUID $before 1 revoke"
	gate_is "revoked cause=lease" 30
	outdated "$before"
	before=$(closing)
	nl "restore-of $UUID $before 60 revoke 300"
	gate_is "held cause=grace" 30
	outdated "$before"
}

@test "what was undone is not undone again: no second lease" {
	local before

	nl "hold $UUID"
	before=$(closing)
	nl "restore-of $UUID $before 600 hold"
	refused "$before" "the gate is open already"
	# A restore of no closing is for an open gate.
	nl "restore-of $UUID 0 60 hold"
	[ "$(field lease_ms "$(nl "get $UUID")")" -le 60000 ]
}

@test "numbers of a volume do not fit the next of its name" {
	local before

	nl "revoke $UUID"
	before=$(closing)
	gone cmk
	create
	nl "revoke $UUID"
	outdated "$before"
	before=$(closing)
	gone cmk
	rmmod dm-cmk
	modprobe dm-cmk
	create
	nl "revoke $UUID"
	[ "$(closing)" -gt "$before" ]
	outdated "$before"
}
