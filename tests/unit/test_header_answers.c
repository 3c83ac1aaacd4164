// SPDX-License-Identifier: GPL-2.0
/*
 * The format as it was laid down: a header, its sums, a slot and the bindings,
 * computed from Documentation/on-disk-format.rst by another program in another
 * language.  What changes one of these makes volumes that exist unreadable.
 */
#include "volume.h"

/* uuid 01 02 .. 10, header key 20 21 .. 3f, DEK 80 81 .. bf */
static const char uuid[] = "0102030405060708090a0b0c0d0e0f10";
static const char hk_hex[] =
	"202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f";

/* Range 2, generation 5. */
#define SLOT \
	"020000000500000001000000e0e1e2e3e4e5e6e7e8e9eaeb6c3710fe81b19aa4" \
	"89df9adbf068cdb77c19010820c9168be9362f562baf0bd5932f2238913087c5" \
	"8fb8a72675145157a0c76c9067b4375c1dee25953cf3438dc4ff003c10e9b5c1" \
	"14eba078ab12a532"

static void fill(struct cmk_secret *s, unsigned char first, size_t len)
{
	size_t n;

	assert_int_equal(cmk_secret_alloc(s, len), 0);
	for (n = 0; n < len; n++)
		s->data[n] = first + n;
}

static struct cmk_header *make(void)
{
	struct cmk_header_params p = {
		.device_size = 20 * MIB, .range_size = MIB,
		.wrap = CMK_FORMAT_WRAP_HK,
	};
	struct cmk_header_kek kek = {
		.provider = CMK_FORMAT_KEK_AZURE, .alg = 1, .blob_len = 256,
		.kid = "https://kv.example/keys/pg/1",
		.wrapped_at = 1700000000,
	};
	struct cmk_header *h = NULL;

	memcpy(p.uuid, unhex(uuid), 16);
	memset(kek.blob, 0xbb, kek.blob_len);
	memset(kek.thumbprint, 0x11, sizeof(kek.thumbprint));
	assert_int_equal(cmk_header_new(&h, &p, NULL), 0);
	assert_int_equal(cmk_header_set_kek(h, 0, &kek), 0);
	memcpy(cmk_header_disk_slot(h, 2), unhex(SLOT), sizeof(SLOT) / 2);
	cmk_header_super(h)->seq = htole64(7);
	cmk_header_super(h)->created = htole64(1700000000);
	cmk_header_super(h)->written = htole64(1700000001);
	return h;
}

static void mac_and_digest(void **state)
{
	__cmk_header struct cmk_header *h = make();
	__cmk_secret struct cmk_secret hk = CMK_SECRET_INIT;
	unsigned char digest[32];

	secret_from_hex(&hk, hk_hex);
	assert_int_equal(cmk_header_mac(h, &hk, cmk_header_super(h)->mac), 0);
	assert_hex(cmk_header_super(h)->mac, 32,
		   "7ca8819d876510eef8a5541a330d8a9464e641dd27045a3ac0f17e9878c981d4");
	assert_int_equal(cmk_header_digest(h, digest), 0);
	assert_hex(digest, 32,
		   "fde668084c987bfbd247191c810b5df6cd572c6dc560cd9018d1fa7fddf541b4");
	assert_int_equal(cmk_header_verify(h, &hk, NULL), 0);
}

static void a_slot_that_another_program_sealed(void **state)
{
	__cmk_header struct cmk_header *h = make();
	__cmk_secret struct cmk_secret hk = CMK_SECRET_INIT;
	__cmk_secret struct cmk_secret key = CMK_SECRET_INIT;
	__cmk_secret struct cmk_secret want = CMK_SECRET_INIT;
	__cmk_secret struct cmk_secret dek = CMK_SECRET_INIT;
	uint32_t generation = 0;

	secret_from_hex(&hk, hk_hex);
	fill(&want, 0x80, CMK_DEK_BYTES);
	assert_true(cmk_header_slot(h, 2, &generation));
	assert_int_equal(generation, 5);
	assert_int_equal(cmk_header_slot_key(h, &hk, &key), 0);
	assert_int_equal(cmk_header_open_hk(h, 2, &key, &dek, NULL), 0);
	assert_true(secrets_equal(&dek, &want));
}

static void bindings_and_the_header_keys_id(void **state)
{
	__cmk_header struct cmk_header *h = make();
	__cmk_secret struct cmk_secret hk = CMK_SECRET_INIT;
	__cmk_secret struct cmk_secret dek = CMK_SECRET_INIT;
	__cmk_secret struct cmk_secret payload = CMK_SECRET_INIT;
	unsigned char id[32];

	secret_from_hex(&hk, hk_hex);
	fill(&dek, 0x80, CMK_DEK_BYTES);
	assert_int_equal(cmk_header_hk_payload(h, &hk, &payload), 0);
	assert_int_equal(payload.len, 64);
	assert_hex(payload.data, 32, hk_hex);
	assert_hex(payload.data + 32, 32,
		   "d51bc7ed2b876c5165f378531fe290f7627ca1c1bc5ee7288f14f0c0723fadbf");
	assert_int_equal(cmk_header_dek_payload(h, 2, 5, &dek, &payload), 0);
	assert_int_equal(payload.len, 96);
	assert_memory_equal(payload.data, dek.data, 64);
	assert_hex(payload.data + 64, 32,
		   "7d797d227fba4d0b6a277ce000285dd0d69bcb5630154f805c9f8fd244764c75");
	assert_int_equal(cmk_header_hk_id(&hk, id), 0);
	assert_hex(id, 32,
		   "c5252b5b26d45441ec39a8d29664993450d5facb37f7fc2807d00f815271d2b7");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mac_and_digest),
		cmocka_unit_test(a_slot_that_another_program_sealed),
		cmocka_unit_test(bindings_and_the_header_keys_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
