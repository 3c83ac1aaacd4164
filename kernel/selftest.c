// SPDX-License-Identifier: GPL-2.0
/*
 * One known-answer test at load: the cipher as the data path calls it, on a
 * page, in both directions.  A wrong answer refuses the load.
 *
 * The vector is number 10 of IEEE Std 1619-2007 annex B: AES-256-XTS, data
 * unit 0xff of 512 bytes, plaintext 00 01 02 ... ff twice.
 */

#include <linux/gfp.h>
#include <linux/highmem.h>
#include <uapi/linux/cmk.h>

#include "cipher.h"
#include "selftest.h"

static const u8 cmk_kat_key[CMK_DEK_LEN] __initconst = {
	0x27, 0x18, 0x28, 0x18, 0x28, 0x45, 0x90, 0x45,
	0x23, 0x53, 0x60, 0x28, 0x74, 0x71, 0x35, 0x26,
	0x62, 0x49, 0x77, 0x57, 0x24, 0x70, 0x93, 0x69,
	0x99, 0x59, 0x57, 0x49, 0x66, 0x96, 0x76, 0x27,
	0x31, 0x41, 0x59, 0x26, 0x53, 0x58, 0x97, 0x93,
	0x23, 0x84, 0x62, 0x64, 0x33, 0x83, 0x27, 0x95,
	0x02, 0x88, 0x41, 0x97, 0x16, 0x93, 0x99, 0x37,
	0x51, 0x05, 0x82, 0x09, 0x74, 0x94, 0x45, 0x92,
};

/* The first 32 bytes of the answer. */
static const u8 cmk_kat_answer[] __initconst = {
	0x1c, 0x3b, 0x3a, 0x10, 0x2f, 0x77, 0x03, 0x86,
	0xe4, 0x83, 0x6c, 0x99, 0xe3, 0x70, 0xcf, 0x9b,
	0xea, 0x00, 0x80, 0x3f, 0x5e, 0x48, 0x23, 0x57,
	0xa4, 0xae, 0x12, 0xd4, 0x14, 0xa3, 0xe6, 0x3b,
};

static bool __init cmk_kat_run(struct crypto_skcipher *tfm, struct page *page)
{
	const struct bio_vec vec = { .bv_page = page, .bv_len = 512 };
	const struct bvec_iter start = { .bi_sector = 0xff, .bi_size = 512 };
	struct bvec_iter iter = start;
	u8 *data = page_address(page);
	struct cmk_crypt crypt;
	unsigned int i;

	for (i = 0; i < 512; i++)
		data[i] = i;
	cmk_crypt_init(&crypt, 512, &vec);
	if (cmk_crypt_section(&crypt, tfm, &vec, &iter, 512, 0) ||
	    memcmp(data, cmk_kat_answer, sizeof(cmk_kat_answer)))
		return false;
	iter = start;
	cmk_crypt_init(&crypt, 512, NULL);
	if (cmk_crypt_section(&crypt, tfm, &vec, &iter, 512, 0))
		return false;
	for (i = 0; i < 512; i++)
		if (data[i] != (u8)i)
			return false;
	return true;
}

/**
 * cmk_selftest() - known-answer test of the cipher
 *
 * Return: 0, -ENOMEM, or -ELIBBAD for a wrong answer.
 */
int __init cmk_selftest(void)
{
	struct crypto_skcipher *tfm;
	struct page *page;
	int r = -ENOMEM;
	u8 key[CMK_DEK_LEN];

	page = alloc_page(GFP_KERNEL);
	if (!page)
		return -ENOMEM;
	/* The driver may not read init memory by physical address. */
	memcpy(key, cmk_kat_key, sizeof(key));
	tfm = cmk_cipher_create(key);
	if (IS_ERR(tfm)) {
		r = PTR_ERR(tfm);
		goto free_page;
	}
	r = cmk_kat_run(tfm, page) ? 0 : -ELIBBAD;
	if (r)
		pr_err("cmk: known-answer test of %s failed\n",
		       cmk_cipher_driver());
	cmk_cipher_destroy(tfm);
free_page:
	__free_page(page);
	return r;
}
