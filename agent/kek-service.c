// SPDX-License-Identifier: GPL-2.0
/*
 * Service-managed keys: a KEK of the node's own, an RSA-3072 key in a file
 * that only root reads.  It wraps with the vault's algorithm into the same
 * form of blob, and it never denies: who can read the file may use the key,
 * and a file that cannot be read says nothing about a right.
 *
 * The key is in memory for one operation only, so that a file put back is
 * noticed, and one that was taken away stays away.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "crypto.h"
#include "kek-op.h"

#define SERVICE_BITS	3072
#define PREFIX		"service:"
#define FILE_PREFIX	"file:"
#define HEX_LEN		(2 * CMK_SHA256_LEN)

static bool service_owns(const char *uri)
{
	return !strcmp(uri, "service") || !strncmp(uri, PREFIX, 8);
}

static const char *key_path(const struct cmk_kek_op *op)
{
	return op->set->settings.service_kek + strlen(FILE_PREFIX);
}

static int service_check(struct cmk_kek_op *op, struct cmk_error *e)
{
	const char *kek = op->set->settings.service_kek;

	if (!kek || strncmp(kek, FILE_PREFIX, strlen(FILE_PREFIX)) ||
	    kek[strlen(FILE_PREFIX)] != '/')
		return cmk_error_set(e, CMK_USAGE, -EINVAL, "service-kek",
				     "Kek=%s in section [Service]: only file:/PATH is supported yet",
				     kek ? kek : "");
	if (op->verb == CMK_KEK_UNWRAP && !strcmp(op->uri, "service"))
		return cmk_error_set(e, CMK_UNSUITABLE, -EINVAL, "kek-uri",
				     "cannot unwrap with 'service': the id of a wrapped key names its KEK");
	return 0;
}

/* No vault can delete or disable it, so it counts as protected. */
static void describe(const struct cmk_rsa *key, struct cmk_kek_result *res)
{
	size_t i;

	res->enabled = true;
	res->purge_protected = true;
	res->bits = cmk_rsa_bits(key);
	strcpy(res->kty, "RSA");
	if (cmk_rsa_thumbprint(key, res->thumbprint))
		return;
	strcpy(res->kid, PREFIX);
	for (i = 0; i < CMK_SHA256_LEN; i++)
		sprintf(res->kid + strlen(PREFIX) + 2 * i, "%02x",
			res->thumbprint[i]);
}

/* Two agents that both find no file: the second one uses the first's key. */
static int create_key(struct cmk_kek_op *op, struct cmk_rsa **ret,
		      struct cmk_error *e)
{
	__cmk_rsa struct cmk_rsa *key = NULL;
	int r = cmk_rsa_generate(&key, SERVICE_BITS, e);

	if (r)
		return r;
	r = cmk_rsa_store_pem(key, key_path(op), e);
	if (r == -EEXIST)
		return cmk_rsa_load_pem(ret, key_path(op), e);
	if (r)
		return r;
	*ret = key;
	key = NULL;
	return 0;
}

static int load_key(struct cmk_kek_op *op, struct cmk_rsa **ret)
{
	struct cmk_error e = { 0 };
	int r = cmk_rsa_load_pem(ret, key_path(op), &e);

	if (r == -ENOENT && op->verb == CMK_KEK_WRAP &&
	    !strcmp(op->uri, "service") &&
	    op->set->settings.create_service_kek)
		r = create_key(op, ret, &e);
	if (!r)
		return 0;
	return cmk_error_set(&op->res.error, CMK_FAILED, r,
			     "service-kek-unreadable",
			     "cannot %s with %s: %s%s",
			     cmk_kek_verb_name(op->verb), op->uri, e.text,
			     r == -ENOENT ?
			     "; put its backup back (cmkctl service-kek restore)" :
			     "");
}

/* Another key than the one that was asked for: the file was exchanged. */
static int check_kid(struct cmk_kek_op *op)
{
	struct cmk_kek_result *res = &op->res;

	if (!strcmp(op->uri, "service") || !strcasecmp(op->uri, res->kid))
		return 0;
	return cmk_error_set(&res->error, CMK_UNSUITABLE, -ENOKEY,
			     "service-kek-other",
			     "cannot %s with %s: the key in %s is another one, %s; put the right file back (cmkctl service-kek restore)",
			     cmk_kek_verb_name(op->verb), op->uri,
			     key_path(op), res->kid);
}

static int use_key(struct cmk_kek_op *op, const struct cmk_rsa *key)
{
	struct cmk_kek_result *res = &op->res;

	switch (op->verb) {
	case CMK_KEK_WRAP:
		return cmk_rsa_wrap(key, &op->plain, res->blob, &res->blob_len,
				    &res->error);
	case CMK_KEK_UNWRAP:
		return cmk_rsa_unwrap(key, op->blob, op->blob_len, &res->plain,
				      &res->error);
	case CMK_KEK_GET:
		return 0;
	}
	return -EINVAL;
}

static void service_try(struct cmk_kek_op *op)
{
	__cmk_rsa struct cmk_rsa *key = NULL;
	struct cmk_kek_result *res = &op->res;
	int r = load_key(op, &key);

	if (!r) {
		describe(key, res);
		r = check_kid(op);
	}
	if (!r)
		r = use_key(op, key);
	res->answer = r ? CMK_UNKNOWN : CMK_USABLE;
	cmk_kek_op_tried(op, CMK_AGAIN_NO);
}

/* A try never outlives service_try(). */
static void service_abort(struct cmk_kek_op *op)
{
}

const struct cmk_kek_provider cmk_kek_service = {
	.owns = service_owns,
	.check = service_check,
	.try = service_try,
	.abort = service_abort,
};
