// SPDX-License-Identifier: GPL-2.0
/*
 * Writes the corpus for the header's fuzzer into a folder: one header of each
 * kind that cmk makes, so that a mutation has something to destroy.
 */
#include <err.h>
#include <stdio.h>
#include <string.h>

#include "crypto.h"
#include "header-internal.h"
#include "input.h"

#define MIB		(1ULL << 20)
#define SLOTS_BYTES	(8 * sizeof(struct cmk_disk_slot))

static struct cmk_header *make(const struct cmk_header_params *p)
{
	__cmk_secret struct cmk_secret key = CMK_SECRET_INIT;
	__cmk_secret struct cmk_secret dek = CMK_SECRET_INIT;
	struct cmk_header_kek kek = {
		.provider = CMK_FORMAT_KEK_AZURE, .alg = 1,
		.blob_len = CMK_FORMAT_BLOB_LEN,
	};
	const struct cmk_header_next next = { .range = 3, .generation = 2 };
	struct cmk_header *h;
	uint32_t n;

	/* as long as can be, so that one more is too long */
	memset(kek.kid, 'k', CMK_FORMAT_KID_LEN);
	memset(kek.blob, 'b', sizeof(kek.blob));
	if (cmk_header_new(&h, p, NULL) || cmk_header_set_kek(h, 0, &kek) ||
	    cmk_secret_random(&key, CMK_HK_BYTES) ||
	    cmk_secret_random(&dek, CMK_DEK_BYTES))
		errx(1, "cannot make a header");
	for (n = 0; n < 8; n++) {
		cmk_header_set_hk(h, n, 1, &key, &dek);
		cmk_header_set_direct(h, n, 1, 0, kek.blob, kek.blob_len);
	}
	cmk_header_set_next_hk(h, &next, &key, &dek);
	cmk_header_set_next_direct(h, &next, 0, kek.blob, kek.blob_len);
	cmk_header_super(h)->seq = htole64(1);
	return h;
}

static void write_seed(const char *folder, const char *name,
		       unsigned int flags, const struct cmk_header *h)
{
	/* of mode direct also the first blobs */
	size_t len = cmk_header_super(h)->wrap == CMK_FORMAT_WRAP_DIRECT ?
		     CMK_DIRECT_OFFSET + 2 * CMK_FORMAT_BLOB_LEN :
		     sizeof(struct cmk_disk_super);
	unsigned char head[FUZZ_HEAD] = { flags };
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	cmk_put_le16(head + 1, len);
	f = fopen(path, "w");
	if (!f || fwrite(head, sizeof(head), 1, f) != 1 ||
	    fwrite(h->image, len, 1, f) != 1 ||
	    fwrite(h->image + CMK_SUPER_SIZE, SLOTS_BYTES, 1, f) != 1 ||
	    fwrite(cmk_header_spare(h), sizeof(struct cmk_disk_slot), 1, f) !=
	    1 || fclose(f))
		err(1, "%s", path);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		unsigned int flags;
		struct cmk_header_params params;
	} kinds[] = {
		{ "direct", 0, { .device_size = 24 * MIB, .range_size = MIB } },
		{ "hk", 0, { .device_size = 40 * MIB, .range_size = MIB } },
		{ "hk-fit", FUZZ_FIT,
		  { .device_size = 40 * MIB, .range_size = MIB } },
		{ "direct-fit", FUZZ_FIT,
		  { .device_size = 24 * MIB, .range_size = MIB } },
		{ "hk-disk", FUZZ_FROM_DISK,
		  { .device_size = 40 * MIB, .range_size = MIB } },
		{ "hk-two-states", FUZZ_FROM_DISK | FUZZ_OTHER_B,
		  { .device_size = 40 * MIB, .range_size = MIB } },
		{ "hk-next", FUZZ_SPARE,
		  { .device_size = 40 * MIB, .range_size = MIB } },
		{ "direct-next", FUZZ_SPARE | FUZZ_FIT,
		  { .device_size = 24 * MIB, .range_size = MIB } },
		{ "hk-next-disk", FUZZ_SPARE | FUZZ_FROM_DISK,
		  { .device_size = 40 * MIB, .range_size = MIB } },
		{ "hk-verify", FUZZ_VERIFY,
		  { .device_size = 40 * MIB, .range_size = MIB } },
		{ "detached", 0,
		  { .device_size = 40 * MIB, .range_size = MIB,
		    .detached = true } },
		{ "large", 0,
		  { .device_size = 4096 * MIB, .range_size = MIB } },
	};
	size_t n;

	if (argc != 2)
		errx(2, "usage: header-seeds FOLDER");
	for (n = 0; n < sizeof(kinds) / sizeof(*kinds); n++) {
		struct cmk_header_params p = kinds[n].params;
		__cmk_header struct cmk_header *h = NULL;

		memset(p.uuid, 0x42, sizeof(p.uuid));
		h = make(&p);
		write_seed(argv[1], kinds[n].name, kinds[n].flags, h);
	}
	return 0;
}
