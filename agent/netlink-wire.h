/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Between the commands of the family (netlink-command.c, netlink-event.c) and
 * the library that carries them (netlink.c).  Not for others.
 */
#ifndef CMK_NETLINK_WIRE_H
#define CMK_NETLINK_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netlink.h"
#include "seal.h"

struct nl_sock;
struct nlattr;
struct cmk_request;		/* one command, its buffer wiped at the end */

struct cmk_nl {
	struct nl_sock *cmd;
	struct nl_sock *events;		/* NULL until subscribed */
	int family;
	uint32_t event_seq;		/* of the newest event */
	bool event_seq_known;
	struct cmk_seal seal;		/* while keys are handed over */
};

/*
 * @attrs is indexed by attribute.  What is absent, or shorter than its type,
 * reads as 0 or "".
 */
uint32_t cmk_attr_u32(struct nlattr **attrs, int type);
uint64_t cmk_attr_u64(struct nlattr **attrs, int type);
void cmk_attr_bytes(struct nlattr **attrs, int type, void *ret, size_t len);
void cmk_attr_text(struct nlattr **attrs, int type, char *ret, size_t size);

typedef int (*cmk_reply_t)(struct nlattr **attrs, void *arg);
typedef void (*cmk_event_reply_t)(uint8_t cmd, struct nlattr **attrs,
				  void *arg);

/**
 * cmk_request_new() - begin a command
 *
 * Return: the request, or NULL; the functions below take NULL and what did
 * not fit is reported when the request is sent.
 */
struct cmk_request *cmk_request_new(struct cmk_nl *nl, enum cmk_cmd cmd,
				    bool dump);
void cmk_request_free(struct cmk_request **req);
void cmk_request_put(struct cmk_request *req, int type, const void *data,
		     size_t len);
void cmk_request_put_u32(struct cmk_request *req, int type, uint32_t value);
void cmk_request_nest(struct cmk_request *req, int type);
void cmk_request_nest_end(struct cmk_request *req);

/**
 * cmk_request_send() - send, wait for the answer, hand out each reply
 * @take: may be NULL; not called after it has returned a negative errno
 *
 * A request may be sent again.
 *
 * Return: 0; -EAGAIN when the list changed while it was dumped; or the
 * kernel's errno with @e set.
 */
int cmk_request_send(struct cmk_request *req, cmk_reply_t take, void *arg,
		     struct cmk_error *e);

#define CMK_SEAL_TRIES	8	/* of a command whose session was ended */

/**
 * cmk_nl_put_key() - a key, sealed in the session, as a nested attribute
 * @type: the attribute
 * @place: what it is sealed for
 *
 * Several go into one request in the order in which the kernel opens them.
 *
 * Return: 0 or a negative errno, for cmk_nl_not_sealed().
 */
int cmk_nl_put_key(struct cmk_nl *nl, struct cmk_request *req, int type,
		   const struct cmk_seal_place *place,
		   const struct cmk_secret *key);
int cmk_nl_not_sealed(struct cmk_error *e, int r);

int cmk_wire_subscribe(struct cmk_nl *nl);
/* Return: 0 when nothing is left, -ENOBUFS when some were lost, -EIO. */
int cmk_wire_read_events(struct cmk_nl *nl, cmk_event_reply_t take, void *arg);

#define __cmk_request __attribute__((cleanup(cmk_request_free)))

#endif
