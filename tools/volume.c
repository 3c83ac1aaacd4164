// SPDX-License-Identifier: GPL-2.0
/*
 * Owns the list of open volumes and the search in it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "device.h"
#include "dm.h"
#include "span.h"
#include "text.h"
#include "volume.h"

void volume_list_free(struct volume_list *list)
{
	free(list->v);
}

static int add_volume(const struct cmk_nl_volume *v, void *userdata)
{
	struct volume_list *list = userdata;
	struct cmk_nl_volume *grown;

	grown = reallocarray(list->v, list->n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	list->v = grown;
	grown[list->n] = *v;
	text_clean(grown[list->n].name);
	text_clean(grown[list->n].reason);
	list->n++;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const struct cmk_nl_volume *x = a, *y = b;

	return strcmp(x->name, y->name);
}

int volume_list_load(struct cmk_nl *nl, struct volume_list *ret,
		     struct cmk_error *e)
{
	int r;

	r = nl ? cmk_nl_volumes(nl, add_volume, ret, e) : 0;
	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_name);
	return r;
}

static int add_mapped(const char *name, const unsigned char *uuid,
		      dev_t device, void *userdata)
{
	struct cmk_nl_volume v = {
		.major = major(device), .minor = minor(device),
	};

	memcpy(v.uuid, uuid, sizeof(v.uuid));
	snprintf(v.name, sizeof(v.name), "%s", name);
	return add_volume(&v, userdata);
}

int volume_list_mapped(struct volume_list *ret)
{
	int r = dm_volumes(add_mapped, ret);

	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_name);
	return r;
}

static const struct cmk_nl_volume *
find_uuid(const struct volume_list *list, const unsigned char *uuid)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		if (memcmp(list->v[i].uuid, uuid, CMK_UUID_LEN) == 0)
			return &list->v[i];
	return NULL;
}

static const struct cmk_nl_volume *find_dev(const struct volume_list *list,
					    dev_t dev)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		if (makedev(list->v[i].major, list->v[i].minor) == dev)
			return &list->v[i];
	return NULL;
}

/*
 * The device itself is read only when it is not a mapped volume: reads of
 * one that is held would not return.
 */
static const struct cmk_nl_volume *find_path(const struct volume_list *list,
					     const char *path)
{
	const struct cmk_nl_volume *v = NULL;
	unsigned char uuid[16];
	struct stat st;

	if (stat(path, &st) < 0)
		return NULL;
	if (S_ISBLK(st.st_mode))
		v = find_dev(list, st.st_rdev);
	if (!v && device_peek(path, uuid))
		v = find_uuid(list, uuid);
	return v;
}

static const struct cmk_nl_volume *find_name(const struct volume_list *list,
					     const char *name)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		if (strcmp(list->v[i].name, name) == 0)
			return &list->v[i];
	return NULL;
}

const struct cmk_nl_volume *volume_find(const struct volume_list *list,
					const char *spec, struct cmk_error *e)
{
	const struct cmk_nl_volume *v = NULL;
	unsigned char uuid[16];

	if (strncasecmp(spec, "UUID=", 5) == 0) {
		if (cmk_parse_uuid(spec + 5, uuid) < 0) {
			cmk_error_set(e, CMK_USAGE, -EINVAL, "usage",
				      "'%s' is no UUID", spec + 5);
			return NULL;
		}
		v = find_uuid(list, uuid);
	} else if (strchr(spec, '/') && list->no_devices) {
		cmk_error_set(e, CMK_NOT_PERMITTED, -EPERM, "not-permitted",
			      "only root may name a device: give the volume's name, or UUID=");
		return NULL;
	} else if (strchr(spec, '/')) {
		v = find_path(list, spec);
	} else {
		v = find_name(list, spec);
	}
	if (!v)
		cmk_error_set(e, CMK_UNSUITABLE, -ENODEV, "no-volume",
			      "no such volume is open");
	return v;
}

static bool has(const struct cmk_nl_volume **list, size_t n,
		const struct cmk_nl_volume *v)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (list[i] == v)
			return true;
	return false;
}

size_t volume_select(struct cmkctl *ctl, const struct volume_list *list,
		     int argc, char **argv, bool all,
		     const struct cmk_nl_volume **ret, int *status)
{
	const struct cmk_nl_volume *v;
	struct cmk_error e;
	size_t n = 0, j;
	int i;

	for (j = 0; all && j < list->n; j++)
		ret[n++] = &list->v[j];
	for (i = 0; i < argc; i++) {
		v = volume_find(list, argv[i], &e);
		if (!v)
			*status = ctl_worse(*status,
					    ctl_fail(ctl, &e, argv[i]));
		else if (!has(ret, n, v))
			ret[n++] = v;
	}
	return n;
}

const char *volume_name(const struct cmk_nl_volume *v)
{
	static char uuid[VOLUME_TEXT];

	if (*v->name)
		return v->name;
	cmk_format_uuid(v->uuid, uuid);
	return uuid;
}
