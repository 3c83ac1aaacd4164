/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What HeaderRepair and HeaderRestore share: methods-header.c runs the request
 * and writes, methods-restore.c says whether a backup may come back.
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
 * @header: what is to be written
 * @st, @known: what the node remembers, if it does
 */
struct upkeep {
	struct cmk_agent *agent;
	struct cmk_request *req;
	enum cmk_audit_event event;
	char path[CMK_STATE_PATH_LEN];
	int claim;
	bool accept, from_agent;
	struct cmk_header *header;
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

/* Is @u->path a place for it?  "device-small", "data-device". */
int cmk_upkeep_check_place(const struct upkeep *u, struct cmk_error *e);

#endif
