// SPDX-License-Identifier: GPL-2.0
/*
 * Service-managed keys: a KEK of the node's own, an RSA-3072 key in a file
 * that only root reads.  It wraps with the vault's algorithm into the same
 * form of blob, and it never denies: who can read the file may use the key,
 * and a file that cannot be read says nothing about a right.
 *
 * The key is in memory for one operation only, so that a file put back is
 * noticed, and one that was taken away stays away.  A new one is made beside
 * the event loop (keygen.h) and written by it.
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

static void service_try(struct cmk_kek_op *op);

static bool service_owns(const char *uri)
{
	return !strcmp(uri, "service") || !strncmp(uri, PREFIX, 8);
}

static const char *key_path(const struct cmk_kek_set *set)
{
	return set->settings.service_kek + strlen(FILE_PREFIX);
}

int cmk_kek_service_check(const struct cmk_kek_settings *s,
			  struct cmk_error *e)
{
	const char *kek = s->service_kek ? s->service_kek : "";

	if (strncmp(kek, FILE_PREFIX "/", strlen(FILE_PREFIX) + 1))
		return cmk_error_set(e, CMK_USAGE, -EINVAL, "service-kek",
				     "Kek=%s in section [Service]: only file:/PATH is supported yet",
				     kek);
	return 0;
}

static int service_check(struct cmk_kek_op *op, struct cmk_error *e)
{
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

static int unreadable(struct cmk_kek_op *op, int r, const struct cmk_error *e)
{
	return cmk_error_set(&op->res.error, CMK_FAILED, r,
			     "service-kek-unreadable",
			     "cannot %s with %s: %s%s",
			     cmk_kek_verb_name(op->verb), op->uri, e->text,
			     r == -ENOENT ?
			     "; put the saved copy of the file back, mode 0600" :
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
			     "cannot %s with %s: the key in %s is another one, %s; put the saved copy of the right one back, mode 0600",
			     cmk_kek_verb_name(op->verb), op->uri,
			     key_path(op->set), res->kid);
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

/* @key: NULL when it could not be read or made, @r and @e tell why */
static void end_try(struct cmk_kek_op *op, const struct cmk_rsa *key, int r,
		    const struct cmk_error *e)
{
	struct cmk_kek_result *res = &op->res;

	if (key) {
		describe(key, res);
		r = check_kid(op);
		if (!r)
			r = use_key(op, key);
	} else {
		unreadable(op, r, e);
	}
	res->answer = r ? CMK_UNKNOWN : CMK_USABLE;
	cmk_kek_op_tried(op, CMK_AGAIN_NO);
}

/* -- a new key, which all that ask for it meanwhile wait for -- */

static struct cmk_kek_op *waiting_for(const struct cmk_kek_set *set,
				      const struct cmk_keygen *keygen)
{
	struct cmk_kek_op *op;

	for (op = set->ops; op; op = op->next)
		if (op->keygen == keygen)
			return op;
	return NULL;
}

/*
 * Two agents that both find no file: the second one uses the first's key.  An
 * operation that a callback starts here waits for another key than this one.
 */
static void on_made(const struct cmk_rsa *key, const struct cmk_error *made,
		    void *userdata)
{
	struct cmk_kek_set *set = userdata;
	const struct cmk_keygen *keygen = set->keygen;
	struct cmk_error e = *made;
	struct cmk_kek_op *op;
	int r = e.err;

	if (key)
		r = cmk_rsa_store_pem(key, key_path(set), &e);
	set->keygen = NULL;
	while ((op = waiting_for(set, keygen))) {
		op->keygen = NULL;
		if (!r || r == -EEXIST)
			service_try(op);
		else
			end_try(op, NULL, r, &e);
	}
}

static bool may_create(const struct cmk_kek_op *op)
{
	return op->verb == CMK_KEK_WRAP && !strcmp(op->uri, "service") &&
	       op->set->settings.create_service_kek;
}

/* This ends by itself, so that the deadline, which is for servers, is off. */
static int wait_for_key(struct cmk_kek_op *op, struct cmk_error *e)
{
	struct cmk_kek_set *set = op->set;
	int r = 0;

	if (!set->keygen)
		r = cmk_keygen_start(&set->keygen, set->event, SERVICE_BITS,
				     on_made, set, e);
	if (r)
		return r;
	op->keygen = set->keygen;
	sd_event_source_set_enabled(op->end, SD_EVENT_OFF);
	return 0;
}

static void service_try(struct cmk_kek_op *op)
{
	__cmk_rsa struct cmk_rsa *key = NULL;
	struct cmk_error e = { 0 };
	int r = cmk_rsa_load_pem(&key, key_path(op->set), &e);

	if (r == -ENOENT && may_create(op)) {
		r = wait_for_key(op, &e);
		if (!r)
			return;
	}
	end_try(op, key, r, &e);
}

/* The key is made all the same: it is there for the next who asks. */
static void service_abort(struct cmk_kek_op *op)
{
	op->keygen = NULL;
}

const struct cmk_kek_provider cmk_kek_service = {
	.owns = service_owns,
	.check = service_check,
	.try = service_try,
	.abort = service_abort,
};
