/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Words for the numbers of the family "cmk", and what its errors mean to a
 * caller.  Part of netlink; the names of gates and causes are in netlink.h.
 */
#ifndef CMK_NETLINK_NAMES_H
#define CMK_NETLINK_NAMES_H

#include "error.h"

/**
 * struct cmk_errno_meaning - a refusal by the kernel
 * @text: used when the kernel sent none
 */
struct cmk_errno_meaning {
	int err;
	enum cmk_status status;
	const char *code;
	const char *text;
};

/* Never NULL. */
const struct cmk_errno_meaning *cmk_errno_meaning(int err);

/* As in the spec; "?" for one that this program does not know. */
const char *cmk_attr_name(unsigned int type);
const char *cmk_key_attr_name(unsigned int type);

#endif
