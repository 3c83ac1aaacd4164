#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# Paths, api-versions, bodies and headers: the forms in which clients in the
# field ask, and the forms of the answers.
#
# cmk-timeout: 120

load kvemu/kvemu

setup() {
	kvemu_start
	ctl key create pg >/dev/null
	use admin
}

teardown() {
	kvemu_stop
}

@test "paths come with and without version, doubled and trailing slashes" {
	local kid path

	kid=$(rest GET /keys/pg | member .key.kid)
	for path in /keys/pg/ //keys//pg "/keys/pg/${kid##*/}" \
		"/keys/PG/${kid##*/}/" '/keys/p%67'; do
		rest GET "$path" | member ".key.kid == \"$kid\""
	done
	rest PATCH /keys/pg/ '{"tags":{"a":"b"}}' |
		member ".key.kid == \"$kid\" and .tags.a == \"b\""
}

@test "operations are found in any case, parameters behind percent signs" {
	local op

	for op in wrapkey wrapKey WRAPKEY; do
		rest POST "/keys/pg/$op" '{"alg":"RSA-OAEP","value":"AAAA"}' |
			answers 200
	done
	KV_API= rest GET '/keys/pg/?api%2Dversion=7%2E4' | answers 200
}

@test "an api-version must be given and known, and is asked for after a token" {
	KV_API= rest GET /keys/pg | answers 400 BadParameter
	KV_API=9.9 rest GET /keys/pg | member \
		'.error.message | test("version \\(9.9\\) is not recognized")'
	KV_TOKEN= KV_API=9.9 rest GET /keys/pg | answers 401 Unauthorized
}

@test "answers have the members that their api-version had" {
	KV_API=7.0 rest GET /keys/pg | member '.attributes |
		has("recoverableDays") or has("exportable") | not'
	KV_API=7.3 rest GET /keys/pg | member '.attributes |
		has("recoverableDays") and (has("exportable") | not)'
	KV_API=2025-07-01 rest GET /keys/pg | member '.attributes |
		has("recoverableDays") and has("exportable")'
}

@test "the client's request id comes back, and the vault's is new each time" {
	local first

	KV_REQUEST_ID=abc-1 rest GET /keys/pg | answers 200
	[ "$(header x-ms-client-request-id)" = abc-1 ]
	first=$(header x-ms-request-id)
	rest GET /keys/pg | answers 200
	[ -n "$first" ] && [ "$(header x-ms-request-id)" != "$first" ]
}

@test "lists are cut into pages whose links can be followed" {
	local i next seen=0

	for i in 1 2 3 4; do
		ctl key create "k$i" >/dev/null
	done
	rest GET '/keys?maxresults=2' >"$BATS_TEST_TMPDIR/page"
	for ((i = 0; i < 3; i++)); do
		seen=$((seen + $(jq '.value | length' "$BATS_TEST_TMPDIR/page")))
		next=$(jq -r '.nextLink // empty' "$BATS_TEST_TMPDIR/page")
		[ -n "$next" ] || break
		[[ $next == "$KV_URL"/keys\?* ]]
		KV_API= rest GET "${next#"$KV_URL"}" >"$BATS_TEST_TMPDIR/page"
	done
	[ "$seen" -eq 5 ]
	[ "$i" -eq 2 ]
	rest GET '/keys?maxresults=26' | answers 400 BadParameter
	rest GET '/keys?maxresults=x' | answers 400 BadParameter
	rest GET /keys/none/versions | member '.value == []'
}

@test "malformed bodies are refused and change nothing" {
	local body before

	before=$(rest GET /keys/pg)
	for body in 'no JSON' '[]' '{"attributes":1}' '{"tags":{"a":1}}' \
		'{"key_ops":["fly"]}' '{"attributes":{"exp":"tomorrow"}}' \
		'{"attributes":{"enabled":0}}' \
		'{"attributes":{},"attributes":{"enabled":false}}'; do
		rest PATCH /keys/pg "$body" | answers 400 BadParameter
	done
	rest POST /keys/new/create '{}' | answers 400 BadParameter
	rest POST /keys/new/create '{"kty":"RSA","key_size":1024}' |
		answers 400 BadParameter
	rest POST /keys/new/create '{"kty":"EC"}' | answers 400 NotSupported
	rest POST /keys/pg/wrapkey '{"alg":"RSA-OAEP","value":"*"}' |
		answers 400 BadParameter
	rest POST /keys/pg/wrapkey '{"value":"AAAA"}' |
		answers 400 BadParameter
	rest PUT /keys/new '{"key":{"kty":"RSA","n":"AQAB","e":"AQAB"}}' |
		answers 400 BadParameter
	rest PUT /keys/pg/rotationpolicy \
		'{"lifetimeActions":[{"trigger":{"timeAfterCreate":"P1D"},"action":{"type":"Rotate"}}]}' |
		answers 400 BadParameter
	head -c 70000 /dev/zero | tr '\0' x >"$BATS_TEST_TMPDIR/long"
	rest PATCH /keys/pg "@$BATS_TEST_TMPDIR/long" >/dev/null
	[ "$(status)" = 413 ]
	[ "$(rest GET /keys/pg)" = "$before" ]
	rest GET /keys/new | answers 404 KeyNotFound
}

@test "a wrong method or path is an error and nothing worse" {
	rest POST /keys/pg/versions | answers 400 BadParameter
	rest GET /keys/pg/create | answers 404 KeyNotFound
	rest GET /secrets/pg | answers 404 NotFound
	rest GET "/keys/$(printf 'x%.0s' {1..128})" | answers 400 BadParameter
	rest GET '/keys/%ff%fe' >/dev/null
	[ "$(status)" = 400 ]
	rest GET "/keys/pg/a/b/c/d/e/f/g/h" | answers 404 NotFound
	rest GET /keys/pg | answers 200
}

@test "keys of 3072 and 4096 bits are made, as software and as HSM keys" {
	local size

	for size in 3072 4096; do
		rest POST "/keys/big$size/create" \
			"{\"kty\":\"RSA-HSM\",\"key_size\":$size}" |
			member ".key.kty == \"RSA-HSM\" and
				(.key.n | length) ==
				$(((size / 8 * 4 + 2) / 3))"
		unwrap "big$size" "$(echo secret | wrap "big$size" |
			member .value)" | member '.value == "c2VjcmV0Cg"'
	done
}

@test "the certificate holds for localhost and for a name that was given" {
	kvemu_stop
	kvemu_start --name kv1.vault.localhost
	use admin
	for host in localhost kv1.vault.localhost; do
		curl -sS --max-time 20 --cacert "$KV_DIR/ca.pem" \
			--resolve "$host:${KV_URL##*:}:127.0.0.1" \
			-H "@$BATS_TEST_TMPDIR/request" \
			"https://$host:${KV_URL##*:}/keys/pg?api-version=7.4" \
			-o /dev/null
	done
	run curl -sS --max-time 20 --cacert "$KV_DIR/ca.pem" \
		--resolve "other.localhost:${KV_URL##*:}:127.0.0.1" \
		"https://other.localhost:${KV_URL##*:}/"
	[ "$status" -eq 60 ]
}

@test "nothing older than TLS 1.2 is spoken" {
	run kv_curl --tls-max 1.1 --ciphers 'DEFAULT@SECLEVEL=0' \
		"$KV_URL/_kvemu/state"
	[ "$status" -eq 35 ]
	kv_curl --tls-max 1.2 "$KV_URL/_kvemu/state" >/dev/null
}
