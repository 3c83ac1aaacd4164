// SPDX-License-Identifier: GPL-2.0
/*
 * Writes the request log, with the names under which the service's own
 * diagnostic log shows the same things where it has them.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "reqlog.h"

static int log_fd = -1;

int reqlog_open(int dir)
{
	log_fd = openat(dir, REQLOG_FILE,
			O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
	return log_fd < 0 ? -errno : 0;
}

/* A path that is no UTF-8 has no place in JSON. */
static json_t *text_of(const char *text)
{
	json_t *j = text ? json_string(text) : json_null();

	return j ? j : json_string("?");
}

static json_t *line_of(const struct request *rq, const struct reply *rp)
{
	int64_t now = boottime_us();
	json_t *j = json_object();
	char time[48];

	time_iso(realtime_us(), time, sizeof(time));
	json_object_set_new(j, "time", json_string(time));
	json_object_set_new(j, "boottime_us", json_integer(now));
	json_object_set_new(j, "duration_us", json_integer(now - rq->start_us));
	json_object_set_new(j, "method", text_of(rq->method));
	json_object_set_new(j, "path", text_of(rq->path));
	json_object_set_new(j, "api_version",
			    text_of(request_query(rq, "api-version")));
	json_object_set_new(j, "op", text_of(rp->op));
	json_object_set_new(j, "status", json_integer(rp->status));
	json_object_set_new(j, "code", text_of(rp->code));
	json_object_set_new(j, "client_request_id",
			    text_of(request_header(rq,
						   "x-ms-client-request-id")));
	json_object_set_new(j, "request_id", text_of(rq->id));
	json_object_set_new(j, "oid", text_of(rp->oid));
	json_object_set_new(j, "kid", text_of(rp->kid));
	json_object_set_new(j, "client", text_of(rq->client));
	json_object_set_new(j, "fault", text_of(rp->fault));
	return j;
}

void reqlog_write(const struct request *rq, const struct reply *rp)
{
	json_auto_t *j = line_of(rq, rp);
	_cleanup_(freep) char *text = json_dumps(j, JSON_COMPACT);
	_cleanup_(freep) char *line = NULL;
	int len;

	if (log_fd < 0 || !text)
		return;
	len = asprintf(&line, "%s\n", text);
	/* One write keeps lines of several threads whole. */
	if (len > 0 && write(log_fd, line, len) < 0)
		return;
}
