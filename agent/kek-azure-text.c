// SPDX-License-Identifier: GPL-2.0
/*
 * What to tell people when a vault does not do what it was asked: which key,
 * which server, which answer, and what to do about it.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "kek-azure-text.h"

struct line {
	char *text;
	size_t size, pos;
};

__attribute__((format(printf, 2, 3)))
static void add(struct line *l, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(l->text + l->pos, l->size - l->pos, fmt, ap);
	va_end(ap);
	if (n > 0)
		l->pos += n;
	if (l->pos >= l->size)
		l->pos = l->size - 1;
}

/* The permission of Key Vault that an operation needs. */
static const char *permission(enum cmk_kek_verb verb)
{
	switch (verb) {
	case CMK_KEK_WRAP:
		return "wrapKey";
	case CMK_KEK_UNWRAP:
		return "unwrapKey";
	case CMK_KEK_GET:
		return "get";
	}
	return "?";
}

static void advise_permission(struct line *l, const struct cmk_kek_op *op,
			      const struct cmk_azure_reply *reply)
{
	const char *what = permission(op->verb);

	if (!strcmp(reply->inner, "KeyOperationForbidden")) {
		add(l, "; the key's own key_ops lack %s", what);
		return;
	}
	if (op->res.oid[0])
		add(l, " for oid %s", op->res.oid);
	if (!strcmp(reply->inner, "ForbiddenByRbac"))
		add(l, ": the permission keys/%s is missing (role Key Vault Crypto Service Encryption User); if the role was assigned in the last 10 minutes, wait",
		    what);
	else
		add(l, ": the permission keys/%s is missing in the vault's access policy",
		    what);
}

static void advise_unknown(struct line *l, const struct cmk_kek_op *op,
			   const struct cmk_azure_reply *reply)
{
	if (reply->status == 429)
		add(l, "; it is throttled, try again later");
	else if (reply->status == 408 || reply->status >= 500)
		add(l, "; an outage of the vault, try again later");
	else if (reply->status >= 300 && reply->status < 400)
		add(l, "; a vault does not redirect, and nothing was followed");
	else if (!reply->is_error)
		add(l, "; that is no answer of a Key Vault, look at what is between");
	else if (reply->status == 400 && op->verb == CMK_KEK_UNWRAP)
		add(l, ": %s; the wrapped key is damaged or was wrapped by another key",
		    reply->message);
	else
		add(l, ": %s", reply->message);
}

static void advise(struct line *l, const struct cmk_kek_op *op,
		   enum cmk_answer answer, const struct cmk_azure_reply *reply,
		   const char *network)
{
	switch (answer) {
	case CMK_USABLE:
		break;
	case CMK_DENIED_DELETED:
		add(l, "; the key is deleted or has never been: recover it in the vault (az keyvault key recover)");
		break;
	case CMK_DENIED_DISABLED:
		add(l, "; this version of the key is disabled: enable it in the vault (az keyvault key set-attributes --enabled true)");
		break;
	case CMK_DENIED_EXPIRED:
		add(l, "; the key has expired: give it a later date, or rotate it and rewrap");
		break;
	case CMK_DENIED_PERMISSION:
		advise_permission(l, op, reply);
		break;
	case CMK_NETWORK_DENIED:
		add(l, "; the vault refuses this machine's network (it sees %s): allow it in the vault's firewall or use its private endpoint",
		    network ? network : "no address");
		break;
	case CMK_UNAUTHENTICATED:
		add(l, "; it does not accept the token%s%s: look at TenantId= and the identity",
		    reply->message[0] ? ": " : "", reply->message);
		break;
	case CMK_UNKNOWN:
		advise_unknown(l, op, reply);
		break;
	}
}

static const char *word(enum cmk_answer answer, int status, int *ret_err)
{
	*ret_err = -EAGAIN;
	switch (answer) {
	case CMK_USABLE:
		*ret_err = 0;
		return "";
	case CMK_DENIED_DELETED:
		*ret_err = -ENOKEY;
		return "kek-deleted";
	case CMK_DENIED_DISABLED:
		*ret_err = -EKEYREVOKED;
		return "kek-disabled";
	case CMK_DENIED_EXPIRED:
		*ret_err = -EKEYEXPIRED;
		return "kek-expired";
	case CMK_DENIED_PERMISSION:
		*ret_err = -EACCES;
		return "no-permission";
	case CMK_NETWORK_DENIED:
		*ret_err = -ENETUNREACH;
		return "network-denied";
	case CMK_UNAUTHENTICATED:
		*ret_err = -EACCES;
		return "unauthenticated";
	case CMK_UNKNOWN:
		break;
	}
	if (status == 429)
		return "throttled";
	if (status == 408 || status == 409 || status >= 500)
		return "unavailable";
	*ret_err = -EPROTO;
	return status == 400 ? "bad-request" : "unexpected";
}

static enum cmk_status exit_status(enum cmk_answer answer, int err)
{
	if (cmk_answer_is_denial(answer))
		return CMK_DENIED;
	if (answer == CMK_UNKNOWN && err == -EPROTO)
		return CMK_FAILED;
	return CMK_TEMPORARY;
}

void cmk_azure_explain(struct cmk_kek_op *op,
		       const struct cmk_azure_reply *reply,
		       const char *address, const char *network)
{
	struct cmk_error *e = &op->res.error;
	struct line l = { e->text, sizeof(e->text), 0 };
	const char *code;
	int err;

	code = word(op->res.answer, reply->status, &err);
	cmk_error_set(e, exit_status(op->res.answer, err), err, code, "%s",
		      "");
	e->http = reply->status;
	add(&l, "cannot %s with %s: %s (%s) answers %d",
	    cmk_kek_verb_name(op->verb), op->uri, op->key.host, address,
	    reply->status);
	if (reply->code[0])
		add(&l, " %s", reply->code);
	if (reply->inner[0])
		add(&l, "/%s", reply->inner);
	advise(&l, op, op->res.answer, reply, network);
}

void cmk_azure_explain_failure(struct cmk_kek_op *op, int err,
			       const char *code, const char *reason)
{
	cmk_error_set(&op->res.error, CMK_TEMPORARY, err, code,
		      "cannot %s with %s: %s%s",
		      cmk_kek_verb_name(op->verb), op->uri, reason,
		      err == -EKEYREJECTED ?
		      "; the server's certificate must be signed by the system's authorities or by CaFile=" :
		      "");
}
