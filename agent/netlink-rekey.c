// SPDX-License-Identifier: GPL-2.0
/*
 * The commands of a rekey.  Their keys travel sealed, in a session as that of
 * cmk_nl_key_set(), and are sealed in the order in which the kernel opens them:
 * the old DEK, the new one, the key of the record's MAC.
 */
#include <errno.h>

#include "netlink.h"
#include "netlink-wire.h"

static struct cmk_request *rekey_request(struct cmk_nl *nl, enum cmk_cmd cmd,
					 const unsigned char *uuid)
{
	struct cmk_request *req = cmk_request_new(nl, cmd, false);

	cmk_request_put(req, CMK_A_MAIN_UUID, uuid, CMK_UUID_LEN);
	return req;
}

static void put_names(struct cmk_request *req, const struct cmk_nl_rekey *r)
{
	cmk_request_put_u32(req, CMK_A_MAIN_RANGE, r->range);
	cmk_request_put(req, CMK_A_MAIN_RUN, r->run, sizeof(r->run));
	cmk_request_put(req, CMK_A_MAIN_HEADER_SEQ, &r->header_seq,
			sizeof(r->header_seq));
}

static void put_limits(struct cmk_request *req, uint32_t bandwidth,
		       uint32_t duty)
{
	cmk_request_put_u32(req, CMK_A_MAIN_BANDWIDTH, bandwidth);
	if (duty)
		cmk_request_put_u32(req, CMK_A_MAIN_DUTY, duty);
}

static int put_key(struct cmk_nl *nl, struct cmk_request *req, int type,
		   struct cmk_seal_place *place, uint32_t generation,
		   const struct cmk_secret *key)
{
	place->generation = generation;
	return key ? cmk_nl_put_key(nl, req, type, place, key) : 0;
}

static int start(struct cmk_nl *nl, const unsigned char *uuid,
		 const struct cmk_nl_rekey *r, struct cmk_error *e)
{
	struct cmk_seal_place place = {
		.cmd = CMK_CMD_REKEY_START,
		.uuid = uuid,
		.range = r->range,
	};
	struct cmk_request *req __cmk_request = NULL;
	int err;

	req = rekey_request(nl, place.cmd, uuid);
	put_names(req, r);
	cmk_request_put_u32(req, CMK_A_MAIN_OLD_GENERATION, r->old_generation);
	cmk_request_put_u32(req, CMK_A_MAIN_GENERATION, r->generation);
	if (r->resume)
		cmk_request_put(req, CMK_A_MAIN_RESUME, NULL, 0);
	if (r->paused)
		cmk_request_put(req, CMK_A_MAIN_PAUSED, NULL, 0);
	put_limits(req, r->bandwidth, r->duty);
	err = put_key(nl, req, CMK_A_MAIN_OLD_KEY, &place, r->old_generation,
		      r->old_key) ?:
	      put_key(nl, req, CMK_A_MAIN_KEY, &place, r->generation,
		      r->key) ?:
	      put_key(nl, req, CMK_A_MAIN_MAC_KEY, &place, 0, r->mac_key);
	return err ? cmk_nl_not_sealed(e, err) :
		     cmk_request_send(req, NULL, NULL, e);
}

static int done(struct cmk_nl *nl, const unsigned char *uuid,
		const struct cmk_nl_rekey *r, struct cmk_error *e)
{
	struct cmk_seal_place place = {
		.cmd = CMK_CMD_REKEY_DONE,
		.uuid = uuid,
		.range = r->range,
	};
	struct cmk_request *req __cmk_request = NULL;
	int err;

	req = rekey_request(nl, place.cmd, uuid);
	put_names(req, r);
	err = put_key(nl, req, CMK_A_MAIN_MAC_KEY, &place, 0, r->mac_key);
	return err ? cmk_nl_not_sealed(e, err) :
		     cmk_request_send(req, NULL, NULL, e);
}

/* As cmk_nl_key_set(): ESTALE is often a session that was ended. */
static int with_session(struct cmk_nl *nl, const unsigned char *uuid,
			const struct cmk_nl_rekey *r, struct cmk_error *e,
			int (*send)(struct cmk_nl *nl,
				    const unsigned char *uuid,
				    const struct cmk_nl_rekey *r,
				    struct cmk_error *e))
{
	struct cmk_error other;
	int tries, err = send(nl, uuid, r, e);

	for (tries = 1; err == -ESTALE && tries < CMK_SEAL_TRIES; tries++) {
		if (cmk_nl_keys_begin(nl, &other))
			break;
		err = send(nl, uuid, r, e);
	}
	return err;
}

int cmk_nl_rekey_start(struct cmk_nl *nl, const unsigned char *uuid,
		       const struct cmk_nl_rekey *r, struct cmk_error *e)
{
	return with_session(nl, uuid, r, e, start);
}

int cmk_nl_rekey_done(struct cmk_nl *nl, const unsigned char *uuid,
		      const struct cmk_nl_rekey *r, struct cmk_error *e)
{
	return with_session(nl, uuid, r, e, done);
}

int cmk_nl_rekey_pause(struct cmk_nl *nl, const unsigned char *uuid,
		       struct cmk_error *e)
{
	struct cmk_request *req __cmk_request = NULL;

	req = rekey_request(nl, CMK_CMD_REKEY_PAUSE, uuid);
	return cmk_request_send(req, NULL, NULL, e);
}

int cmk_nl_rekey_resume(struct cmk_nl *nl, const unsigned char *uuid,
			uint32_t bandwidth, uint32_t duty, struct cmk_error *e)
{
	struct cmk_request *req __cmk_request = NULL;

	req = rekey_request(nl, CMK_CMD_REKEY_RESUME, uuid);
	put_limits(req, bandwidth, duty);
	return cmk_request_send(req, NULL, NULL, e);
}
