/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The two halves of kek-tool: its commands, and its search of its own memory.
 */
#ifndef KEK_TOOL_H
#define KEK_TOOL_H

#include "kek.h"

/**
 * struct kek_run - one run of the program
 * @start: CLOCK_BOOTTIME, microseconds
 * @waiting: operations under way; @op is the newest
 * @quiet: do not print results
 * @status: exit status of the last failure
 * @expected: what is wrapped, and what unwrap must give back
 * @kid, @blob, @blob_len: what the last wrap gave
 */
struct kek_run {
	sd_event *event;
	struct cmk_kek_set *set;
	uint64_t start;
	unsigned int waiting;
	struct cmk_kek_op *op;
	bool quiet;
	int status;
	struct cmk_secret expected;
	char kid[CMK_KID_MAX + 1];
	unsigned char blob[CMK_BLOB_MAX];
	size_t blob_len;
};

/* Each returns the exit status of what failed, 0 if nothing did. */
int kek_run_wait(struct kek_run *run);
int kek_run_wrap(struct kek_run *run, const char *uri, unsigned int times);
int kek_run_unwrap(struct kek_run *run, const char *kid, unsigned int times);

/* leaks URI: wraps and unwraps a random key, then looks for what is left. */
int kek_tool_leaks(struct kek_run *run, char **args, int n);

#endif
