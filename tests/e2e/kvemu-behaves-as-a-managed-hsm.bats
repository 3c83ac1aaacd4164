#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# The other face: AES keys, and the answers of a Managed HSM.
#
# cmk-timeout: 180

load kvemu/kvemu

setup() {
	kvemu_start --managed-hsm
	use admin
}

teardown() {
	kvemu_stop
}

@test "the challenge has no body and names the other audience" {
	KV_TOKEN= rest GET /keys/aes >"$BATS_TEST_TMPDIR/empty"
	[ "$(status)" = 401 ]
	[ ! -s "$BATS_TEST_TMPDIR/empty" ]
	[[ $(header www-authenticate) == *'resource="https://managedhsm.azure.net"' ]]
}

@test "AES key wrap agrees with the published vector" {
	# RFC 3394 4.6: 256 bits of key data with a 256-bit KEK
	rest PUT /keys/aes '{"key":{"kty":"oct-HSM","k":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"}}' |
		member '.key.kty == "oct-HSM" and (.key | has("n") | not)'
	rest POST /keys/aes/wrapkey '{"alg":"A256KW","value":"ABEiM0RVZneImaq7zN3u_wABAgMEBQYHCAkKCwwNDg8"}' |
		member '.value == "KMn0BMS4EPTLzLNc-4f4Jj9XhuLYDtMmy8fw5xqZ9Dv7mIubegLdIQ"
			and .alg == "A256KW"'
	rest POST /keys/aes/unwrapkey '{"alg":"A256KW","value":"KMn0BMS4EPTLzLNc-4f4Jj9XhuLYDtMmy8fw5xqZ9Dv7mIubegLdIQ"}' |
		member '.value == "ABEiM0RVZneImaq7zN3u_wABAgMEBQYHCAkKCwwNDg8"'
	rest POST /keys/aes/unwrapkey '{"alg":"A256KW","value":"KMn0BMS4EPTLzLNc-4f4Jj9XhuLYDtMmy8fw5xqZ9Dv7mIubegLdIA"}' |
		answers 400 BadParameter
}

@test "an AES key knows its own size only, and no RSA" {
	rest POST /keys/aes/create '{"kty":"oct","key_size":256}' |
		member '.key.kty == "oct-HSM"'
	rest POST /keys/aes/wrapkey '{"alg":"A128KW","value":"ABEiM0RVZneImaq7zN3u_w"}' |
		answers 400 BadParameter
	rest POST /keys/aes/wrapkey '{"alg":"RSA-OAEP","value":"AAAA"}' |
		answers 400 BadParameter
}

@test "an RSA key becomes one of the HSM" {
	rest POST /keys/rsa/create '{"kty":"RSA"}' |
		member '.key.kty == "RSA-HSM"'
}

@test "errors name the request in their text" {
	rest GET /keys/none >"$BATS_TEST_TMPDIR/none"
	member ".error.message == \"Key not found: $KV_URL/keys/none (Activity ID: $(header x-ms-request-id))\"" \
		<"$BATS_TEST_TMPDIR/none"
	rest GET '/keys/bad_name' | member '.error.message |
		startswith("Invalid key identifier or name")'
}

@test "headers are those of an HSM: no Date, but its own latency" {
	rest GET /keys/none >/dev/null
	[ -z "$(header date)" ]
	[[ $(header x-ms-server-latency) =~ ^[0-9]+$ ]]
}
