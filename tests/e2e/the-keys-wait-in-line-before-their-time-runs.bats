#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# A volume whose DEKs the vault unwraps one by one: as many requests are under
# way as MaxConcurrent= allows, and the time of a request begins when its turn
# has come, however many there are before it.
#
# cmk-timeout: 240

load kek

setup() {
	kek_setup
	KEK_TOOL=${KEK_TOOL%/*}/keys-tool
	# wraps, which the volume is made with, pass untouched
	ctl switch fault-op unwrapKey >/dev/null
	log_mark
}

teardown() {
	kvemu_stop
}

# later N COMMAND...: meanwhile, when N keys are unwrapped
later() {
	{
		for _ in {1..1200}; do
			[ "$(requests unwrapKey)" -lt "$1" ] || break
			sleep 0.05
		done
		ctl "${@:2}" >/dev/null
	} 3>&- &
	LATER=$!
}

@test "a vault so slow that the last DEK comes after the patience for one" {
	# a token lives shorter than that, too
	ctl switch token-lifetime 9 >/dev/null
	ctl switch slow 1000 >/dev/null
	kek --max 1 "$KEY" 24
	is '.set == 24' '.usable == 25' '.called == 1' '.elapsed_ms > 20000'
	[ "$(requests unwrapKey)" = 25 ]
	[ "$(requests imds)" -ge 2 ]
}

@test "all that the vault may be asked at once, and no more" {
	ctl switch slow 600 >/dev/null
	kek --max 4 "$KEY" 16
	# one for the header key, four times four
	is '.set == 16' '.elapsed_ms >= 3000' '.elapsed_ms < 8 * 600'
}

@test "fewer ranges than places, and one" {
	kek --max 64 "$KEY" 16
	is '.set == 16' '.usable == 17' '.called == 1'
	kek --max 64 "$KEY" 1
	is '.set == 1' '.usable == 2' '.called == 1'
}

@test "throttled half-way: asked again when the vault says, all come" {
	ctl switch slow 300 >/dev/null
	ctl switch retry-after 2 >/dev/null
	later 3 switch throttle 3
	kek --max 2 "$KEY" 16
	wait "$LATER"
	# each keeps its place meanwhile: the vault is asked less
	is '.set == 16' '.usable == 17' '.called == 1' \
		'.elapsed_ms > 9 * 300 + 2000'
	[ "$(requests unwrapKey)" = 20 ]
}

@test "a token that is refused half-way is replaced" {
	ctl switch slow 300 >/dev/null
	later 3 switch claims 1
	kek --max 2 "$KEY" 16
	wait "$LATER"
	is '.set == 16' '.usable == 17' '.called == 1'
	[ "$(requests imds)" = 2 ]
}

@test "one that fails ends it, and nothing more is asked" {
	ctl switch slow 300 >/dev/null
	later 3 key disable pg
	kek --max 2 "$KEY" 40
	wait "$LATER"
	is '.set == 0' '.called == 1' '.error != ""' \
		'.answers == .usable + 1' '.usable > 1' '.usable < 30'
	# The vault logs a request when it has answered.
	sleep 1
	[ "$(requests unwrapKey)" -lt 35 ]
}

@test "given up half-way: no word comes, and nothing more is asked" {
	ctl switch slow 800 >/dev/null
	# given up while the second two are asked for; without that, the last
	# would be here after 3.2 s, and the program waits for longer
	kek --max 2 --cancel 2000 "$KEY" 6
	is '.set == 0' '.called == 0' '.usable >= 1' '.usable <= 3'
	[ "$(requests unwrapKey)" -le 5 ]
}
