// SPDX-License-Identifier: GPL-2.0
/*
 * What the bare cipher costs: nanoseconds of one call of the crypto API for
 * one data unit, the mean of 10,000, with everything prepared outside of the
 * loop.  Where an instruction takes a nanosecond, these are instructions.
 *
 * Loading measures; parameters of the module hold the results.
 */

#include <crypto/skcipher.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/scatterlist.h>

#define CALLS	10000

static char driver[CRYPTO_MAX_ALG_NAME];
static unsigned int encrypt_512, decrypt_512, encrypt_4096, decrypt_4096;

module_param_string(driver, driver, sizeof(driver), 0444);
module_param(encrypt_512, uint, 0444);
module_param(decrypt_512, uint, 0444);
module_param(encrypt_4096, uint, 0444);
module_param(decrypt_4096, uint, 0444);

static int measure(struct crypto_skcipher *tfm, struct page *page,
		   unsigned int size, bool encrypt, unsigned int *cost)
{
	struct skcipher_request *req = skcipher_request_alloc(tfm, GFP_KERNEL);
	struct scatterlist sg;
	u64 begin, iv[2] = { 0 };
	int i, r = 0;

	if (!req)
		return -ENOMEM;
	sg_init_table(&sg, 1);
	sg_set_page(&sg, page, size, 0);
	skcipher_request_set_callback(req, 0, NULL, NULL);
	skcipher_request_set_crypt(req, &sg, &sg, size, iv);
	begin = ktime_get_ns();
	for (i = 0; i < CALLS && !r; i++)
		r = encrypt ? crypto_skcipher_encrypt(req) :
			      crypto_skcipher_decrypt(req);
	*cost = div_u64(ktime_get_ns() - begin, CALLS);
	skcipher_request_free(req);
	return r;
}

static int measure_all(struct crypto_skcipher *tfm, struct page *page)
{
	return measure(tfm, page, 512, true, &encrypt_512) ?:
	       measure(tfm, page, 512, false, &decrypt_512) ?:
	       measure(tfm, page, 4096, true, &encrypt_4096) ?:
	       measure(tfm, page, 4096, false, &decrypt_4096);
}

static int __init cipher_cost_init(void)
{
	struct crypto_skcipher *tfm;
	struct page *page;
	u8 key[64];
	int i, r = -ENOMEM;

	tfm = crypto_alloc_skcipher("xts(aes)", 0, CRYPTO_ALG_ALLOCATES_MEMORY |
				    CRYPTO_ALG_KERN_DRIVER_ONLY);
	if (IS_ERR(tfm))
		return PTR_ERR(tfm);
	strscpy(driver,
		crypto_tfm_alg_driver_name(crypto_skcipher_tfm(tfm)),
		sizeof(driver));
	for (i = 0; i < sizeof(key); i++)
		key[i] = i;
	page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	if (page)
		r = crypto_skcipher_setkey(tfm, key, sizeof(key)) ?:
		    measure_all(tfm, page);
	if (page)
		__free_page(page);
	crypto_free_skcipher(tfm);
	return r;
}

static void __exit cipher_cost_exit(void)
{
}

module_init(cipher_cost_init);
module_exit(cipher_cost_exit);
MODULE_DESCRIPTION("Cost of the bare cipher");
MODULE_LICENSE("GPL");
