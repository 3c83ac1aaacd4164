/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The agent's place in the kernel: finds the family, joins its events, binds,
 * and does so again with back-off when the module is not there, another agent
 * is bound, or the bind was lost.
 */
#ifndef CMK_LINK_H
#define CMK_LINK_H

#include <systemd/sd-event.h>

#include "audit.h"
#include "netlink.h"

/**
 * struct cmk_link_ops - what the link tells its user
 * @resync: bound, or events were lost: the dump is the truth
 * @volume: something happened to a volume; ask the kernel what
 */
struct cmk_link_ops {
	void (*resync)(void *userdata);
	void (*volume)(const unsigned char uuid[16], void *userdata);
};

struct cmk_link;

/* The first try to bind is made by the event loop, not by this call. */
int cmk_link_new(struct cmk_link **ret, sd_event *event,
		 struct cmk_audit *audit, const struct cmk_link_ops *ops,
		 void *userdata);
void cmk_link_free(struct cmk_link *l);

/**
 * cmk_link_get() - the connection, bound
 *
 * Tries to bind at once if it is not.
 *
 * Return: NULL with @e set if that fails.
 */
struct cmk_nl *cmk_link_get(struct cmk_link *l, struct cmk_error *e);

/* Why the agent is not bound; "" if it is. */
const char *cmk_link_trouble(const struct cmk_link *l);

/**
 * cmk_link_failed() - a command on the connection failed
 * @err: negative errno
 *
 * An error that says that the bind or the module is gone closes the
 * connection and binds anew.
 *
 * Return: true if it did, and the caller may try once more.
 */
bool cmk_link_failed(struct cmk_link *l, int err);

#endif
