/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One run of the method Format, between methods-format.c, which reads what is
 * asked for and looks at the key, and format.c, which makes the volume.
 */
#ifndef CMK_FORMAT_JOB_H
#define CMK_FORMAT_JOB_H

#include "agent.h"
#include "control.h"
#include "header.h"
#include "kek.h"
#include "state.h"

/**
 * struct format - a volume being made
 * @azure: the KEK is in a vault
 * @fd: of the device, exclusive, so that nobody mounts it meanwhile
 * @wrap: the header's wrap of @hk, as far as it is known
 * @next, @pending, @wrapped: ranges, in mode direct
 * @e, @failed: the first failure
 */
struct format {
	struct cmk_agent *agent;
	struct cmk_request *req;
	char device[CMK_STATE_PATH_LEN], header_path[CMK_STATE_PATH_LEN];
	char kek[CMK_KID_MAX + 1];
	bool force, azure;
	int fd;
	struct cmk_header *header;
	struct cmk_header_info info;
	struct cmk_header_kek wrap;
	struct cmk_secret hk;
	unsigned char hk_id[32];
	uint32_t next, pending, wrapped;
	json_t *warnings;
	struct cmk_error e;
	bool failed;
};

/* Makes and wraps the keys under @uri, writes, answers, frees @f. */
void cmk_format_start(struct format *f, const char *uri);

/* Answers and frees @f. */
void cmk_format_fail(struct format *f, const struct cmk_error *e);

#endif
