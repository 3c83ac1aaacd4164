// SPDX-License-Identifier: GPL-2.0
/*
 * cmkctl rekey: have ranges of an open volume encrypted anew under other DEKs,
 * and watch.  The agent and the kernel do it, whether somebody watches or not.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "span.h"
#include "target.h"
#include "text.h"

enum {
	OPTION_ALL = CTL_OPTION_OWN, OPTION_RANGE, OPTION_BANDWIDTH,
	OPTION_DETACH, OPTION_PAUSE, OPTION_RESUME, OPTION_ATTACH,
};

/**
 * struct rekey - one run of the command
 * @method: of the agent; NULL until an option has chosen one
 */
struct rekey {
	const char *method;
	bool all, detach, limited;
	unsigned int first, last;
	uint64_t bandwidth;	/* KiB a second */
};

/* "3" or "3-5" */
static int parse_range(const char *s, struct rekey *r)
{
	char first[16];
	const char *dash = strchr(s, '-');
	size_t len = dash ? (size_t)(dash - s) : strlen(s);

	if (len >= sizeof(first))
		return -ERANGE;
	memcpy(first, s, len);
	first[len] = '\0';
	if (cmk_parse_uint(first, &r->first) ||
	    cmk_parse_uint(dash ? dash + 1 : first, &r->last) ||
	    r->last < r->first)
		return -EINVAL;
	return 0;
}

static int parse_bandwidth(const char *s, struct rekey *r)
{
	uint64_t bytes;

	if (text_parse_size(s, &bytes) || bytes < 1024 ||
	    bytes / 1024 > UINT32_MAX)
		return -EINVAL;
	r->bandwidth = bytes / 1024;
	r->limited = true;
	return 0;
}

static int choose(struct cmkctl *ctl, struct rekey *r, const char *method)
{
	if (r->method)
		return ctl_usage(ctl, "one of --range, --all, --pause, --resume and --attach");
	r->method = method;
	return CMK_OK;
}

static int parse_option(struct cmkctl *ctl, struct rekey *r, int option)
{
	switch (option) {
	case OPTION_ALL:
		r->all = true;
		return choose(ctl, r, "Rekey");
	case OPTION_RANGE:
		if (parse_range(optarg, r))
			return ctl_usage(ctl, "--range: '%s' is no range N or N-M",
					 optarg);
		return choose(ctl, r, "Rekey");
	case OPTION_BANDWIDTH:
		if (parse_bandwidth(optarg, r))
			return ctl_usage(ctl, "--bandwidth: '%s' is no size of 1K to 4T",
					 optarg);
		return CMK_OK;
	case OPTION_DETACH:
		r->detach = true;
		return CMK_OK;
	case OPTION_PAUSE:
		return choose(ctl, r, "RekeyPause");
	case OPTION_RESUME:
		return choose(ctl, r, "RekeyResume");
	case OPTION_ATTACH:
		return choose(ctl, r, "RekeyAttach");
	}
	return CMK_OK;
}

static json_t *parameters(const struct rekey *r, const struct target *t)
{
	char uuid[VOLUME_TEXT];
	json_t *o;

	cmk_format_uuid(t->uuid, uuid);
	o = json_pack("{s:s}", "uuid", uuid);
	if (strcmp(r->method, "Rekey"))
		return o;
	json_object_set_new(o, "all", json_boolean(r->all));
	json_object_set_new(o, "first", json_integer(r->first));
	json_object_set_new(o, "last", json_integer(r->last));
	json_object_set_new(o, "bandwidth", json_integer(r->bandwidth));
	json_object_set_new(o, "detach", json_boolean(r->detach));
	return o;
}

static void tell(const struct rekey *r, const struct target *t,
		 const json_t *o)
{
	const char *state = json_text(o, "state");
	char a[TEXT_SIZE], b[TEXT_SIZE];

	if (!strcmp(r->method, "RekeyPause"))
		printf("%s: the rekey pauses\n", t->name);
	else if (!strcmp(r->method, "RekeyResume"))
		printf("%s: the rekey goes on\n", t->name);
	else if (!strcmp(state, "done"))
		printf("%s: rekeyed; the former keys are gone\n"
		       "  header backup:  %s\n"
		       "  Disk snapshots, clones and exported header backups from before keep\n"
		       "  the former keys and data under them.\n",
		       t->name, json_text(o, "header_backup"));
	else
		printf("%s: the rekey %s, %s of %s done\n", t->name,
		       strcmp(state, "paused") ? "goes on in the background" :
		       "is paused",
		       text_size(json_number(o, "done"), a),
		       text_size(json_number(o, "total"), b));
}

static int ask(struct cmkctl *ctl, const struct rekey *r,
	       const struct target *t)
{
	json_t *o __json = NULL;
	struct cmk_error e;

	if (client_call(ctl, r->method, parameters(r, t), &o, &e) < 0)
		return ctl_fail(ctl, &e, t->name);
	if (ctl->json)
		ctl_print_json(json_incref(o));
	else if (!ctl->quiet)
		tell(r, t, o);
	return strcmp(json_text(o, "state"), "paused") ? CMK_OK : CMK_PARTIAL;
}

int rekey_all(struct cmkctl *ctl, const struct target *t)
{
	const struct rekey r = { .method = "Rekey", .all = true };

	return ask(ctl, &r, t);
}

static int rekey(struct cmkctl *ctl, const struct rekey *r, const char *spec)
{
	struct cmk_error e;
	struct target t;

	return target_look(spec, &t, &e) < 0 ? ctl_fail(ctl, &e, spec) :
					       ask(ctl, r, &t);
}

int cmd_rekey(struct cmkctl *ctl, int argc, char **argv)
{
	static const struct option options[] = {
		CTL_OPTIONS,
		{ "all", no_argument, NULL, OPTION_ALL },
		{ "range", required_argument, NULL, OPTION_RANGE },
		{ "bandwidth", required_argument, NULL, OPTION_BANDWIDTH },
		{ "detach", no_argument, NULL, OPTION_DETACH },
		{ "pause", no_argument, NULL, OPTION_PAUSE },
		{ "resume", no_argument, NULL, OPTION_RESUME },
		{ "attach", no_argument, NULL, OPTION_ATTACH },
		{ 0 }
	};
	struct rekey r = { .method = NULL };
	int o, status = CMK_OK;

	while ((o = ctl_option(ctl, argc, argv, options, &status)) >= 0) {
		status = parse_option(ctl, &r, o);
		if (status != CMK_OK)
			return status;
	}
	if (o == CTL_STOP)
		return status;
	if (argc - optind != 1)
		return ctl_usage(ctl, "name one volume");
	if (!r.method)
		return ctl_usage(ctl, "which ranges: --range N, --range N-M or --all");
	if ((r.limited || r.detach) && strcmp(r.method, "Rekey"))
		return ctl_usage(ctl, "--bandwidth and --detach go with --range or --all");
	return rekey(ctl, &r, argv[optind]);
}
