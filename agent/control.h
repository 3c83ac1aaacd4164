/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The control socket: one JSON object a line, {"method", "parameters"} in,
 * {"result"} or {"error"} out, {"progress"} lines before.  Each request is
 * answered once.  A caller that goes away ends nothing: what was begun is
 * brought to its end.
 */
#ifndef CMK_CONTROL_H
#define CMK_CONTROL_H

#include <sys/types.h>
#include <jansson.h>
#include <systemd/sd-event.h>

#include "error.h"

struct cmk_control;

/**
 * struct cmk_request - one call, from its line to its answer
 * @uid, @pid: of the caller, as the kernel says
 * @parameters: an object, perhaps empty
 */
struct cmk_request {
	uid_t uid;
	pid_t pid;
	json_t *parameters;
	struct cmk_client *client;	/* control.c's; NULL if it went */
};

/* One of a table that ends with a NULL name. */
struct cmk_method {
	const char *name;
	/* Answers @req with cmk_request_result() or cmk_request_fail(). */
	void (*call)(struct cmk_request *req, void *userdata);
};

/**
 * cmk_control_new() - listen on @path
 *
 * Only root, and who runs this program, may call.
 */
int cmk_control_new(struct cmk_control **ret, sd_event *event,
		    const char *path, const struct cmk_method *methods,
		    void *userdata, struct cmk_error *e);
void cmk_control_free(struct cmk_control *c);

/* Answer and free @req; @result is taken over. */
void cmk_request_result(struct cmk_request *req, json_t *result);
void cmk_request_fail(struct cmk_request *req, const struct cmk_error *e);

/* @done of @total of @what. */
void cmk_request_progress(struct cmk_request *req, const char *what,
			  uint64_t done, uint64_t total);

#endif
