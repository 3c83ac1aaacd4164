#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# With get, wrapKey and unwrapKey and nothing else, a key is wrapped, unwrapped
# and looked at; without one of them the answer is a denial that names it.
#
# cmk-timeout: 120

load kek

setup() {
	kek_setup
}

teardown() {
	kvemu_stop
}

@test "keys of each kind and size wrap and unwrap" {
	local kty size

	[ "$(ctl state | jq -c '.identities[] |
		select(.name == "default") .permissions')" = \
		'["get","wrapKey","unwrapKey"]' ]
	for kty in RSA RSA-HSM; do
		for size in 2048 3072 4096; do
			ctl key create k --kty $kty --size $size >/dev/null
			kek roundtrip "$KV_URL/keys/k"
			is '.answer == "usable"' '.plain_ok'
			kek get "$KV_URL/keys/k"
			is '.answer == "usable"' ".bits == $size" \
				".kty == \"$kty\"" .enabled .purge_protected \
				'.exportable | not'
		done
	done
}

@test "a wrap without a version tells the version, and rotation keeps it" {
	kek_wrap
	[[ $KID =~ ^$KEY/[0-9a-f]{32}$ ]]
	ctl key rotate pg >/dev/null
	probe
	is .plain_ok ".kid == \"$KID\""
	kek get "$KEY"
	is ".kid != \"$KID\""
	kek get "$KID"
	is ".kid == \"$KID\""
}

@test "an answer carries the token's identity and both request ids" {
	local oid

	oid=$(ctl --get oid identity list 2>/dev/null ||
		ctl state | jq -r '.identities[] |
			select(.name == "default") .oid')
	kek_wrap
	log_mark
	probe
	is ".oid == \"$oid\"" '.tid | length == 36' '.appid | length == 36'
	jq -es --slurpfile answer "$BATS_TEST_TMPDIR/answer" '.[-1] |
		.client_request_id == $answer[0].client_request_id and
		.request_id == $answer[0].request_id' "$KV_DIR/requests.log"
}

@test "the missing permission is named" {
	local style code

	kek_wrap
	for style in policy rbac access; do
		case $style in
		policy) code=Forbidden/ForbiddenByPolicy ;;
		rbac) code=Forbidden/ForbiddenByRbac ;;
		access) code=Forbidden/AccessDenied ;;
		esac
		ctl deny default get wrapKey unwrapKey --style $style \
			>/dev/null
		kek get "$KEY"
		is '.answer == "denied-permission"' ".code == \"$code\"" \
			'.status == 4' '.text | test("keys/get ")'
		kek wrap "$KEY"
		is '.answer == "denied-permission"' ".code == \"$code\"" \
			'.text | test("keys/wrapKey ")'
		probe
		is '.answer == "denied-permission"' ".code == \"$code\"" \
			'.text | test("keys/unwrapKey ")' '.oid | length == 36'
		ctl allow default get wrapKey unwrapKey >/dev/null
		probe
		is .plain_ok
	done
}

@test "unwrap works without the right to get" {
	kek_wrap
	ctl deny default get >/dev/null
	kek get "$KEY"
	is '.answer == "denied-permission"'
	probe
	is '.answer == "usable"' .plain_ok
}
