// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's end of the sealed transport: ECDH on P-256, SHA-256 and
 * AES-256-GCM, all through the crypto API.
 *
 * What is secret, and how long.  The kernel's private key and what both keys
 * have in common exist within cmk_seal_agree() and are wiped before it returns,
 * with the part of the stack that the curve's arithmetic has used: it does not
 * clean up behind itself.  The derived key is in the tfm of the session, alone,
 * and is wiped with that when the session ends: at the next bind, with the
 * bound socket, with the module, and whenever a gate closes.  So what was
 * captured before a revoke can be opened by nobody after it, whatever memory
 * he gets.
 *
 * One session is live, or none.  It is used under a spinlock, for one message
 * of the length of a key, by an algorithm that neither sleeps nor allocates
 * with GFP_KERNEL; the lock also makes the counter's check and its move one
 * step, so that of two equal messages on two CPUs one is refused.  Whoever
 * takes the session out, under the lock, is its only user from then on and
 * frees it outside of the lock.  A mutex around taking out and freeing lets the
 * second of two who end it return only when it is wiped; no allocation and no
 * message is under that mutex, so a revoke that takes it waits for at most
 * the wiping of one tfm.
 *
 * A gate that a timer closes in interrupt context wipes nothing there: the
 * session ends in the work that wipes the volume's keys (kernel/volume-keys.c),
 * and until then the closed gate refuses the key that a message brings.  A
 * session that is being agreed upon while a gate closes begins after it; no
 * message was sealed in it before.
 *
 * No command loads a module or instantiates an algorithm: a tfm of each, and
 * the random number generator for private keys, is held from load to unload,
 * and the tfms of a session are of the very drivers of those.
 */

#include <crypto/aead.h>
#include <crypto/ecdh.h>
#include <crypto/kpp.h>
#include <crypto/rng.h>
#include <linux/mutex.h>
#include <linux/random.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uio.h>

#include "digest.h"
#include "seal.h"

#define CMK_SEAL_CURVE		"ecdh-nist-p256"
#define CMK_SEAL_AEAD		"gcm(aes)"
#define CMK_SEAL_LABEL		"cmk seal v1"
#define CMK_SEAL_KEY_LEN	32
#define CMK_SEAL_Z_LEN		32
/* A random number is no private key once in 2^32. */
#define CMK_SEAL_TRIES		4

/* Synchronous ones only: a message is opened under a spinlock. */
#define CMK_SEAL_MASK		CRYPTO_ALG_ASYNC

/* Held, never used; see above. */
static struct crypto_kpp *cmk_seal_kpp;
static struct crypto_aead *cmk_seal_aead;

static DEFINE_MUTEX(cmk_seal_mutex);	/* ends of sessions */
static DEFINE_SPINLOCK(cmk_seal_lock);
/* cmk_seal_lock. */
static struct cmk_seal *cmk_seal_live;

/* What is authenticated with a message, as the spec has it. */
struct cmk_seal_aad {
	__be32 cmd;
	u8 uuid[CMK_UUID_LEN];
	__be32 range;
	__be32 generation;
	__be64 epoch;
} __packed;

struct cmk_seal_nonce {
	__be32 zero;
	__be64 counter;
} __packed;

/* Bytes that a scatterlist may point to: not on the stack, not from vmalloc. */
struct cmk_seal_work {
	struct cmk_seal_aad aad;
	struct cmk_seal_nonce nonce;
	struct scatterlist from[2];
	struct scatterlist to[2];
	u8 data[];
};

/* In one place, wiped as one. */
struct cmk_seal_secrets {
	u8 z[CMK_SEAL_Z_LEN];
	u8 key[CMK_SEAL_KEY_LEN];
};

static int __init cmk_seal_missing(const char *name, long err)
{
	pr_err("cmk: no %s: %ld\n", name, err);
	return err;
}

int __init cmk_seal_init(void)
{
	struct crypto_aead *aead;
	struct crypto_kpp *kpp;
	int r;

	r = crypto_get_default_rng();
	if (r)
		return cmk_seal_missing("stdrng", r);
	kpp = crypto_alloc_kpp(CMK_SEAL_CURVE, 0, CMK_SEAL_MASK);
	if (IS_ERR(kpp)) {
		r = cmk_seal_missing(CMK_SEAL_CURVE, PTR_ERR(kpp));
		goto put_rng;
	}
	aead = crypto_alloc_aead(CMK_SEAL_AEAD, 0, CMK_SEAL_MASK);
	if (IS_ERR(aead)) {
		r = cmk_seal_missing(CMK_SEAL_AEAD, PTR_ERR(aead));
		goto free_kpp;
	}
	cmk_seal_kpp = kpp;
	cmk_seal_aead = aead;
	return 0;
free_kpp:
	crypto_free_kpp(kpp);
put_rng:
	crypto_put_default_rng();
	return r;
}

void cmk_seal_exit(void)
{
	cmk_seal_end();
	crypto_free_aead(cmk_seal_aead);
	crypto_free_kpp(cmk_seal_kpp);
	crypto_put_default_rng();
}

/* --- a session begins --- */

/*
 * Below the caller's frame the arithmetic of the curve has left a private key
 * and a common secret.  It needs less than 2 KiB, with an interrupt's registers
 * on top of that.
 */
static noinline void cmk_seal_burn_stack(unsigned int frames)
{
	u8 frame[1024];

	memzero_explicit(frame, sizeof(frame));
	if (frames > 1)
		cmk_seal_burn_stack(frames - 1);
	/* Not a jump in place of the call above. */
	barrier_data(frame);
}

/* Lets the kernel's own generator make the private key. */
static int cmk_seal_new_key(struct crypto_kpp *kpp)
{
	const struct ecdh none = { };
	unsigned int len = crypto_ecdh_key_len(&none);
	int tries, r;
	char *buf;

	buf = kmalloc(len, GFP_NOIO);
	if (!buf)
		return -ENOMEM;
	r = crypto_ecdh_encode_key(buf, len, &none);
	for (tries = 0; !r && tries < CMK_SEAL_TRIES; tries++) {
		r = crypto_kpp_set_secret(kpp, buf, len);
		if (r != -EINVAL)
			break;
		r = 0;
	}
	kfree(buf);
	/* -EINVAL is the caller's word for a bad key of the agent. */
	return tries == CMK_SEAL_TRIES || r == -EINVAL ? -EIO : r;
}

/* Our public key, or with @peer what both have in common. */
static int cmk_seal_compute(struct crypto_kpp *kpp, const u8 *peer, u8 *ret,
			    unsigned int len)
{
	struct kpp_request *req = kpp_request_alloc(kpp, GFP_NOIO);
	struct scatterlist from, to;
	int r;

	if (!req)
		return -ENOMEM;
	sg_init_one(&to, ret, len);
	kpp_request_set_callback(req, 0, NULL, NULL);
	kpp_request_set_output(req, &to, len);
	if (peer) {
		sg_init_one(&from, peer, CMK_PUBLIC_KEY_LEN);
		kpp_request_set_input(req, &from, CMK_PUBLIC_KEY_LEN);
		r = crypto_kpp_compute_shared_secret(req);
	} else {
		kpp_request_set_input(req, NULL, 0);
		r = crypto_kpp_generate_public_key(req);
		/* So it says that it had no memory to check its own key. */
		if (r == -EAGAIN)
			r = -ENOMEM;
	}
	kpp_request_free(req);
	WARN_ON_ONCE(r == -EINPROGRESS || r == -EBUSY);
	return r;
}

static int cmk_seal_ecdh(struct cmk_seal *seal, u8 *z)
{
	const char *driver =
		crypto_tfm_alg_driver_name(crypto_kpp_tfm(cmk_seal_kpp));
	struct crypto_kpp *kpp;
	int r;

	kpp = crypto_alloc_kpp(driver, 0, CMK_SEAL_MASK | CRYPTO_NOLOAD);
	if (IS_ERR(kpp))
		return PTR_ERR(kpp);
	r = cmk_seal_new_key(kpp) ?:
	    cmk_seal_compute(kpp, NULL, seal->public, CMK_PUBLIC_KEY_LEN) ?:
	    cmk_seal_compute(kpp, seal->peer, z, CMK_SEAL_Z_LEN);
	/* Wipes the private key. */
	crypto_free_kpp(kpp);
	return r;
}

static int cmk_seal_derive(const struct cmk_seal *seal, const u8 *z, u8 *key)
{
	static const u8 one[] = { 0, 0, 0, 1 };
	__be64 epoch = cpu_to_be64(seal->epoch);
	const struct kvec parts[] = {
		{ (void *)one, sizeof(one) },
		{ (void *)z, CMK_SEAL_Z_LEN },
		{ CMK_SEAL_LABEL, strlen(CMK_SEAL_LABEL) },
		{ &epoch, sizeof(epoch) },
		{ (void *)seal->public, sizeof(seal->public) },
		{ (void *)seal->peer, sizeof(seal->peer) },
	};

	return cmk_digest(parts, ARRAY_SIZE(parts), key);
}

static int cmk_seal_set_key(struct cmk_seal *seal, const u8 *key)
{
	const char *driver =
		crypto_tfm_alg_driver_name(crypto_aead_tfm(cmk_seal_aead));
	struct crypto_aead *aead;
	int r;

	aead = crypto_alloc_aead(driver, 0, CMK_SEAL_MASK | CRYPTO_NOLOAD);
	if (IS_ERR(aead))
		return PTR_ERR(aead);
	/* A request is made before it is known of which session it is. */
	r = crypto_aead_reqsize(aead) > crypto_aead_reqsize(cmk_seal_aead) ?
		-EOPNOTSUPP : 0;
	r = r ?: crypto_aead_setauthsize(aead, CMK_SEAL_TAG_LEN);
	r = r ?: crypto_aead_setkey(aead, key, CMK_SEAL_KEY_LEN);
	if (r)
		crypto_free_aead(aead);
	else
		seal->aead = aead;
	return r;
}

/**
 * cmk_seal_agree() - make a session with the agent
 * @peer: the agent's public key, CMK_PUBLIC_KEY_LEN bytes
 *
 * Context: process context under memalloc_noio_save(), no lock held;
 * allocates, and takes some milliseconds of CPU.
 *
 * Return: the session, which nobody else can see yet, or ERR_PTR: -EINVAL for
 * a @peer that is no point of the curve, -ENOMEM, or another errno of a
 * driver.
 */
struct cmk_seal *cmk_seal_agree(const u8 *peer)
{
	struct cmk_seal *seal = kzalloc(sizeof(*seal), GFP_NOIO);
	struct cmk_seal_secrets *secrets;
	int r = -ENOMEM;

	secrets = kzalloc(sizeof(*secrets), GFP_NOIO);
	if (seal && secrets) {
		seal->epoch = get_random_u64();
		memcpy(seal->peer, peer, sizeof(seal->peer));
		r = cmk_seal_ecdh(seal, secrets->z) ?:
		    cmk_seal_derive(seal, secrets->z, secrets->key) ?:
		    cmk_seal_set_key(seal, secrets->key);
	}
	kfree_sensitive(secrets);
	cmk_seal_burn_stack(3);
	if (!r)
		return seal;
	cmk_seal_free(seal);
	return ERR_PTR(r);
}

/* --- and ends --- */

/**
 * cmk_seal_free() - wipe and free a session that nobody else can see
 * @seal: may be NULL
 */
void cmk_seal_free(struct cmk_seal *seal)
{
	if (!seal)
		return;
	/* The crypto API frees all that has a key with kfree_sensitive(). */
	if (seal->aead)
		crypto_free_aead(seal->aead);
	kfree_sensitive(seal);
}

/**
 * cmk_seal_start() - from now on messages are of this session
 * @seal: consumed; NULL for none
 *
 * The session before has ended and is wiped when it returns.
 *
 * Context: process context; waits for no allocation.
 */
void cmk_seal_start(struct cmk_seal *seal)
{
	mutex_lock(&cmk_seal_mutex);
	spin_lock(&cmk_seal_lock);
	swap(cmk_seal_live, seal);
	spin_unlock(&cmk_seal_lock);
	cmk_seal_free(seal);
	mutex_unlock(&cmk_seal_mutex);
}

/**
 * cmk_seal_end() - end the session, if there is one
 *
 * When it returns its key is wiped, whoever has ended it.
 *
 * Context: process context; waits for no allocation.
 */
void cmk_seal_end(void)
{
	cmk_seal_start(NULL);
}

/* --- messages --- */

static void cmk_seal_fill(struct cmk_seal_work *work,
			  const struct cmk_sealed *msg, u8 *ret,
			  unsigned int len)
{
	struct cmk_seal_aad *aad = &work->aad;

	aad->cmd = cpu_to_be32(msg->cmd);
	memcpy(aad->uuid, msg->uuid, sizeof(aad->uuid));
	aad->range = cpu_to_be32(msg->range);
	aad->generation = cpu_to_be32(msg->generation);
	aad->epoch = cpu_to_be64(msg->epoch);
	work->nonce.counter = cpu_to_be64(msg->counter);
	memcpy(work->data, msg->data, msg->len);
	sg_init_table(work->from, 2);
	sg_set_buf(&work->from[0], aad, sizeof(*aad));
	sg_set_buf(&work->from[1], work->data, msg->len);
	sg_init_table(work->to, 2);
	sg_set_buf(&work->to[0], aad, sizeof(*aad));
	sg_set_buf(&work->to[1], ret, len);
}

/* The session may end at any time but not inside the lock. */
static int cmk_seal_decrypt(const struct cmk_sealed *msg,
			    struct aead_request *req)
{
	struct cmk_seal *seal;
	int r;

	spin_lock(&cmk_seal_lock);
	seal = cmk_seal_live;
	if (!seal || seal->epoch != msg->epoch) {
		r = -ESTALE;
	} else if (msg->counter <= seal->counter) {
		r = -EALREADY;
	} else {
		aead_request_set_tfm(req, seal->aead);
		r = crypto_aead_decrypt(req);
		if (!r)
			seal->counter = msg->counter;
	}
	spin_unlock(&cmk_seal_lock);
	WARN_ON_ONCE(r == -EINPROGRESS || r == -EBUSY);
	return r;
}

/**
 * cmk_seal_open() - open a message
 * @msg: the message; what it says of itself is believed only if it is sealed
 *	for just that
 * @ret: from kmalloc(): what it holds; zeros after an error; the caller wipes
 * @len: bytes of that, exactly
 *
 * Context: process context under memalloc_noio_save(), no lock held.
 *
 * Return: 0; -ESTALE when the session has ended; -EALREADY when the counter
 * has not risen; -EBADMSG when it is not sealed in this session for this
 * command, volume, range and generation; -EINVAL for a wrong length; -ENOMEM.
 */
int cmk_seal_open(const struct cmk_sealed *msg, u8 *ret, unsigned int len)
{
	struct cmk_seal_work *work;
	struct aead_request *req;
	int r = -ENOMEM;

	if (msg->len != len + CMK_SEAL_TAG_LEN)
		return -EINVAL;
	work = kzalloc(struct_size(work, data, msg->len), GFP_NOIO);
	req = aead_request_alloc(cmk_seal_aead, GFP_NOIO);
	if (work && req) {
		cmk_seal_fill(work, msg, ret, len);
		/* No MAY_SLEEP: a spinlock will be held. */
		aead_request_set_callback(req, 0, NULL, NULL);
		aead_request_set_ad(req, sizeof(work->aad));
		aead_request_set_crypt(req, work->from, work->to, msg->len,
				       (u8 *)&work->nonce);
		r = cmk_seal_decrypt(msg, req);
	}
	/* Of a forgery, too, something may have been decrypted. */
	if (r)
		memzero_explicit(ret, len);
	if (req)
		aead_request_free(req);
	kfree_sensitive(work);
	cmk_seal_burn_stack(2);
	return r;
}
