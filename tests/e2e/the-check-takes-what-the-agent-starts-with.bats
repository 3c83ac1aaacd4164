#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmkd --check-config, which ExecStartPre= and ExecReload= trust: what it takes
# the agent starts with.  Each refusal names the key, with status 2.

ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
BIN=${CMK_BUILD:-$ROOT/build}/bin

# checked LINE...
checked() {
	printf '%s\n' "$@" >"$BATS_TEST_TMPDIR/cmkd.conf"
	run "$BIN/cmkd" --config "$BATS_TEST_TMPDIR/cmkd.conf" --check-config
	echo "$*: $status $output"
}

# refused KEY LINE...
refused() {
	checked "${@:2}"
	[ "$status" = 2 ]
	[[ "$output" == *"$1="* ]]
}

@test "a source of tokens that cannot be used" {
	local secret=('[Azure]' Auth=client-secret TenantId=t ClientId=c)

	refused TenantId '[Azure]' Auth=client-secret ClientId=c
	refused TenantId "${secret[@]}" TenantId=a/b
	refused ClientId '[Azure]' Auth=client-secret TenantId=t
	refused ClientSecret "${secret[@]}" ClientSecret=/etc/cmk/s
	refused ClientSecret "${secret[@]}" ClientSecret=file:s
	refused AuthorityHost "${secret[@]}" AuthorityHost=http://login.example
	refused ImdsEndpoint '[Azure]' ImdsEndpoint=https://169.254.169.254
	checked "${secret[@]}" ClientSecret=file:/etc/cmk/s \
		AuthorityHost=https://login.example
	[ "$status" = 0 ]
}

@test "a key of the node that no file holds" {
	refused Kek '[Service]' Kek=pkcs11:token=x
	refused Kek '[Service]' Kek=file:service.kek
	refused Kek '[Service]' Kek=
	checked '[Service]' Kek=file:/etc/cmk/service.kek
	[ "$status" = 0 ]
}

# panics VALUE COMMAND...: as if kernel.hung_task_panic were VALUE
panics() {
	echo "$1" >"$BATS_TEST_TMPDIR/panic"
	unshare -m sh -c 'mount --bind "$0" /proc/sys/kernel/hung_task_panic &&
		exec "$@"' "$BATS_TEST_TMPDIR/panic" "${@:2}"
}

@test "a hold for ever where the kernel panics on hung tasks" {
	local check=("$BIN/cmkd" --config "$BATS_TEST_TMPDIR/cmkd.conf"
		     --check-config)

	[ "$(id -u)" = 0 ] || skip "needs root"
	[ -e /proc/sys/kernel/hung_task_panic ] || skip "no such kernel"
	checked '[Policy]' HoldTimeout=0
	panics 0 "${check[@]}"
	run panics 1 "${check[@]}"
	[ "$status" = 2 ]
	[[ "$output" == *HoldTimeout=0* ]]
}
