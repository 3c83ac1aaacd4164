/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What HeaderRepair and HeaderRestore share: methods-header.c runs the request
 * and writes, methods-restore.c says whether a backup may come back,
 * methods-known.c writes what the node is to have beside the header.
 */
#ifndef CMK_METHODS_HEADER_H
#define CMK_METHODS_HEADER_H

#include "audit.h"
#include "header.h"
#include "methods.h"
#include "state.h"

/**
 * struct upkeep - one request
 * @path: device or file that the header is or will be on
 * @claim: of a restore: keeps others from mapping or mounting it; -1 if none
 * @accept: of a restore: an older header is meant
 * @from_agent: of a repair: @header is the volume's, and borrowed
 * @device, @pin: of a repair: what the node is to know of the volume, if it
 *	does not; "" if that is not asked for
 * @header: what is to be written
 * @hk_id: of its header key, when that was checked
 * @st, @known: what the node remembers, if it does
 */
struct upkeep {
	struct cmk_agent *agent;
	struct cmk_request *req;
	enum cmk_audit_event event;
	char path[CMK_STATE_PATH_LEN];
	int claim;
	bool accept, from_agent;
	char device[CMK_STATE_PATH_LEN], pin[CMK_KID_MAX + 1];
	struct cmk_header *header;
	unsigned char hk_id[32];
	struct cmk_header_info info;
	struct cmk_header_kek kek;
	struct cmk_state st;
	bool known;
};

/**
 * cmk_upkeep_check_age() - is a backup not older than what is known?
 * @live: the header that is there; NULL: there is none
 *
 * Error codes: "uuid", "generation", and without @u->accept
 * "header-rolled-back".
 */
int cmk_upkeep_check_age(const struct upkeep *u, const struct cmk_header *live,
			 struct cmk_error *e);

/* Writes the state file and the backup of a volume that has none. */
int cmk_upkeep_complete(struct upkeep *u, struct cmk_error *e);

/* Is @u->path a place for it?  "device-small", "data-device". */
int cmk_upkeep_check_place(const struct upkeep *u, struct cmk_error *e);

#endif
