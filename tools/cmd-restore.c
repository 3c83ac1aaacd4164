// SPDX-License-Identifier: GPL-2.0
/*
 * cmkctl restore: open the gate again as an administrator.  First the key
 * server must say yes, since a volume that it denies would only be closed
 * again; then the kernel opens the gate, if it was not closed anew meanwhile;
 * then the marker goes, and the agent brings the keys.  A power cut on the way
 * leaves the volume closed: a restore lasts when it has returned, not before.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "client.h"
#include "cmktab.h"
#include "device.h"
#include "marker.h"
#include "span.h"
#include "units.h"
#include "volume.h"

enum { OPTION_ALL = CTL_OPTION_OWN };

/* What the agent would give the volume now, that the gate opens with it. */
static int lease_of(const json_t *answer, struct cmk_nl_lease *ret,
		    struct cmk_error *e)
{
	int64_t ttl = json_number(answer, "lease_ttl");
	int64_t not_after = json_number(answer, "not_after");

	if (ttl < 1 || ttl > CMK_LEASE_MAX || not_after < 1)
		return cmk_error_set(e, CMK_FAILED, -EPROTO, "protocol",
				     "the agent names no lease");
	ret->ttl = ttl;
	ret->not_after = not_after;
	ret->lapse = strcmp(json_text(answer, "lapse"), "revoke") == 0 ?
		CMK_LAPSE_REVOKE : CMK_LAPSE_HOLD;
	ret->keep_asleep = json_is_true(json_object_get(answer,
							"keep_asleep"));
	return 0;
}

static int closed_again(const struct cmk_nl_volume *now, struct cmk_error *e)
{
	return cmk_error_set(e, CMK_TEMPORARY, -ESTALE, "closed-again",
			     "closed again meanwhile: %s, %s%s%s; look, and restore it again if that is still meant",
			     cmk_gate_name(now->gate),
			     cmk_cause_name(now->cause),
			     *now->reason ? ": " : "", now->reason);
}

/* Somebody has closed it again, or has opened it, which is as good: 0. */
static int too_late(struct cmk_nl *nl, const struct cmk_nl_volume *v,
		    struct cmk_error *e)
{
	struct cmk_nl_volume now;

	if (cmk_nl_volume_get(nl, v->uuid, &now, e) < 0)
		return e->err;
	return now.gate == CMK_GATE_OPEN ? 0 : closed_again(&now, e);
}

/* Return: 0, negative errno, or 1 if only the marker is left of it; with @e. */
static int undo(struct cmk_nl *nl, const struct cmk_nl_volume *v,
		const struct cmk_nl_lease *lease, struct cmk_error *e)
{
	int lock __fd = -1;
	int r, taken;

	taken = marker_take(v->uuid, &lock, e);
	if (taken < 0)
		return taken;
	r = cmk_nl_restore(nl, v->uuid, true, v->closing, lease, e);
	if (r == -ESTALE)
		r = too_late(nl, v, e);
	if (r < 0 && taken)
		marker_put_back(v->uuid, lock);
	else if (taken && marker_drop(v->uuid, lock, e) < 0)
		r = 1;
	return r;
}

static int open_gate(struct cmkctl *ctl, struct cmk_nl *nl,
		     const struct cmk_nl_volume *v, struct cmk_error *e)
{
	json_t *answer __json = NULL;
	struct cmk_nl_lease lease;
	int r;

	r = answer_probe(ctl, v->uuid, &answer, e);
	if (r == 0)
		r = answer_check(ctl, answer, e);
	if (r == 0)
		r = lease_of(answer, &lease, e);
	return r < 0 ? r : undo(nl, v, &lease, e);
}

static void tell(struct cmkctl *ctl, const char *name, json_t *result)
{
	if (!ctl->json && !ctl->quiet)
		printf("%s: restored, %lld of %lld ranges live\n", name,
		       (long long)json_number(result, "live"),
		       (long long)json_number(result, "ranges"));
}

static int restore_one(struct cmkctl *ctl, struct cmk_nl *nl,
		       const struct cmk_nl_volume *v, json_t *out)
{
	json_t *result __json = NULL;
	char uuid[VOLUME_TEXT];
	int status = CMK_OK, r;
	struct cmk_error e;

	r = open_gate(ctl, nl, v, &e);
	if (r)
		status = ctl_fail(ctl, &e, volume_name(v));
	if (r < 0)
		return status;
	cmk_format_uuid(v->uuid, uuid);
	if (client_call(ctl, "Restore", json_pack("{s:s}", "uuid", uuid),
			&result, &e) < 0)
		return ctl_worse(status, ctl_fail(ctl, &e, volume_name(v)));
	if (!json_object_get(result, "ranges"))
		json_object_set_new(result, "ranges",
				    json_integer(v->ranges));
	json_object_set_new(result, "volume", json_string(volume_name(v)));
	json_object_set_new(result, "uuid", json_string(uuid));
	json_array_append(out, result);
	tell(ctl, volume_name(v), result);
	return ctl_worse(status, units_start(ctl, v->uuid));
}

/* The UUID of a volume that is not open: named, on a device, or in cmktab. */
static int closed_uuid(const char *spec, unsigned char uuid[16],
		       struct cmk_error *e)
{
	struct cmk_tab tab __cmk_tab = { 0 };
	const struct cmk_tab_entry *entry;
	char path[PATH_MAX];

	if (!strchr(spec, '/') && !strchr(spec, '=')) {
		if (cmk_tab_read(&tab, NULL, NULL, NULL, e) < 0)
			return -EINVAL;
		entry = cmk_tab_find(&tab, spec);
		if (!entry)
			return -ENODEV;
		spec = entry->header ? entry->header : entry->device;
	}
	if (strncasecmp(spec, "UUID=", 5) == 0)
		return cmk_parse_uuid(spec + 5, uuid);
	if (device_resolve(spec, path, e) < 0)
		return -ENODEV;
	return device_peek(path, uuid) ? 0 : -ENODEV;
}

/* Is it mapped by now, and closed by an administrator's newer word? */
static int closed_now(struct cmk_nl *nl, const unsigned char uuid[16],
		      struct cmk_error *e)
{
	struct cmk_nl *own = NULL;
	struct cmk_nl_volume v;
	int r = 0;

	/* The module may have come meanwhile, too. */
	if (!nl)
		r = cmk_nl_open(&own, e);
	if (r == 0)
		r = cmk_nl_volume_get(nl ? nl : own, uuid, &v, e);
	cmk_nl_close(own);
	if (r == -ENODEV || r == -ENOENT)
		return 0;
	return r < 0 || !v.sticky ? r : closed_again(&v, e);
}

/*
 * A volume that was revoked and then closed, or before a reboot, has only its
 * marker; without it the next open asks the key server as ever.
 */
static int restore_closed(struct cmkctl *ctl, struct cmk_nl *nl,
			  const char *spec)
{
	unsigned char uuid[16];
	int lock __fd = -1;
	struct cmk_error e;
	int r;

	cmk_error_set(&e, CMK_UNSUITABLE, -ENODEV, "no-volume",
		      "no such volume is open, and none is revoked");
	if (closed_uuid(spec, uuid, &e) < 0)
		return ctl_fail(ctl, &e, spec);
	r = marker_take(uuid, &lock, &e);
	if (r <= 0)
		return ctl_fail(ctl, &e, spec);
	r = closed_now(nl, uuid, &e);
	if (r < 0)
		marker_put_back(uuid, lock);
	else
		r = marker_drop(uuid, lock, &e);
	if (r < 0)
		return ctl_fail(ctl, &e, spec);
	if (!ctl->quiet && !ctl->json)
		printf("%s: not open; it may be opened again\n", spec);
	return CMK_OK;
}

static int restore_named(struct cmkctl *ctl, struct cmk_nl *nl,
			 const struct volume_list *list, const char *spec,
			 json_t *out)
{
	const struct cmk_nl_volume *v;
	struct cmk_error e;

	v = volume_find(list, spec, &e);
	if (v)
		return restore_one(ctl, nl, v, out);
	if (e.status == CMK_USAGE)
		return ctl_fail(ctl, &e, spec);
	return restore_closed(ctl, nl, spec);
}

static int restore_volumes(struct cmkctl *ctl, struct cmk_nl *nl, bool all,
			   int argc, char **argv)
{
	struct volume_list list __volumes = { 0 };
	json_t *out = json_array();
	int status = CMK_OK, i;
	struct cmk_error e;
	size_t j;

	if (volume_list_load(nl, &list, &e) < 0)
		status = ctl_fail(ctl, &e, NULL);
	for (j = 0; all && j < list.n; j++)
		if (list.v[j].gate != CMK_GATE_OPEN)
			status = ctl_worse(status, restore_one(ctl, nl,
							       &list.v[j],
							       out));
	for (i = 0; i < argc && status != CMK_NOT_PERMITTED; i++)
		status = ctl_worse(status, restore_named(ctl, nl, &list,
							 argv[i], out));
	if (ctl->json)
		ctl_print_json(json_pack("{s:O}", "volumes", out));
	json_decref(out);
	return status;
}

int cmd_restore(struct cmkctl *ctl, int argc, char **argv)
{
	static const struct option options[] = {
		CTL_OPTIONS,
		{ "all", no_argument, NULL, OPTION_ALL },
		{ 0 }
	};
	struct cmk_nl *nl = NULL;
	int status = CMK_OK, o, r;
	struct cmk_error e;
	bool all = false;

	while ((o = ctl_option(ctl, argc, argv, options, &status)) >= 0)
		all = true;
	if (o == CTL_STOP)
		return status;
	if (all != !argv[optind])
		return ctl_usage(ctl, "name volumes, or use --all");
	r = cmk_nl_open(&nl, &e);
	if (r < 0 && r != -ENOENT)
		return ctl_fail(ctl, &e, NULL);
	status = restore_volumes(ctl, nl, all, argc - optind, argv + optind);
	cmk_nl_close(nl);
	return status;
}
