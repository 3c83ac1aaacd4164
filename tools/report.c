// SPDX-License-Identifier: GPL-2.0
/*
 * Owns what cmkctl says: errors on stderr, as a line for people or as one
 * JSON object, and results on stdout.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cmkctl.h"

/*
 * {"error":{"status":..., "code":..., "message":..., ...}}: the agent's own
 * fields (kid, http, ...) go through as they are.
 */
static void fail_json(const struct cmkctl *ctl, const struct cmk_error *e,
		      const char *volume)
{
	json_t *object = ctl->detail ? json_deep_copy(ctl->detail) :
		json_object();
	json_t *outer __json = json_object();

	json_object_set_new(object, "status", json_integer(e->status));
	json_object_set_new(object, "code", json_string(e->code));
	if (volume)
		json_object_set_new(object, "volume", json_string(volume));
	if (e->http)
		json_object_set_new(object, "http", json_integer(e->http));
	json_object_set_new(object, "retryable",
			    json_boolean(e->status == CMK_TEMPORARY));
	json_object_set_new(object, "message", json_string(e->text));
	json_object_set_new(outer, "error", object);
	json_dumpf(outer, stderr, 0);
	fputc('\n', stderr);
}

int ctl_fail(struct cmkctl *ctl, const struct cmk_error *e, const char *volume)
{
	fflush(stdout);
	if (ctl->json)
		fail_json(ctl, e, volume);
	else if (volume)
		fprintf(stderr, "cmkctl: %s: %s\n", volume, e->text);
	else
		fprintf(stderr, "cmkctl: %s\n", e->text);
	json_decref(ctl->detail);
	ctl->detail = NULL;
	return e->status;
}

void ctl_warn(struct cmkctl *ctl, const char *fmt, ...)
{
	va_list ap;

	if (ctl->quiet || ctl->json)
		return;
	fflush(stdout);
	fputs("cmkctl: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

void ctl_verbose(struct cmkctl *ctl, const char *fmt, ...)
{
	va_list ap;

	if (!ctl->verbose)
		return;
	fputs("cmkctl: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

void ctl_print_json(json_t *object)
{
	json_dumpf(object, stdout, 0);
	putchar('\n');
	json_decref(object);
}

/*
 * What is left to do counts more than what cannot be done, and both more
 * than what may go away by itself.
 */
int ctl_worse(int a, int b)
{
	static const int rank[] = {
		[CMK_OK] = 0, [CMK_TEMPORARY] = 1, [CMK_FAILED] = 2,
		[CMK_DENIED] = 3, [CMK_UNSUITABLE] = 4,
		[CMK_NOT_PERMITTED] = 5, [CMK_USAGE] = 6, [CMK_PARTIAL] = 7,
	};

	if (a < 0 || b < 0 || a > CMK_PARTIAL || b > CMK_PARTIAL)
		return CMK_FAILED;
	return rank[a] >= rank[b] ? a : b;
}

void ctl_closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
