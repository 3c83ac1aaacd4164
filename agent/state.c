// SPDX-License-Identifier: GPL-2.0
/*
 * Reads and writes the node's memory of a volume.  A file is written aside,
 * flushed and renamed, so that a power loss leaves the former one.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <jansson.h>

#include "span.h"
#include "state.h"

const char *const cmk_state_options[CMK_STATE_OPTIONS] = {
	"on-denied", "deny-hold", "offline-grace", "lease-ttl",
};

#define __json __attribute__((cleanup(json_unrefp)))

static void json_unrefp(json_t **j)
{
	json_decref(*j);
}

static int failed(struct cmk_error *e, int err, const char *what,
		  const char *path)
{
	return cmk_error_set(e, CMK_FAILED, err, "state", "cannot %s '%s': %s",
			     what, path, strerror(-err));
}

static int path_of(char *ret, size_t size, const char *dir, const char *sub,
		   const unsigned char uuid[16], const char *suffix)
{
	char id[37];
	int n;

	cmk_format_uuid(uuid, id);
	n = snprintf(ret, size, "%s/%s/%s%s", dir, sub, id, suffix);
	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

static int make_dir(const char *path, struct cmk_error *e)
{
	if (!mkdir(path, 0700) || errno == EEXIST)
		return 0;
	return failed(e, -errno, "make", path);
}

int cmk_state_prepare(const char *dir, struct cmk_error *e)
{
	static const char * const subs[] = { "state", "backup", "revoked" };
	char path[4096];
	unsigned int i;
	int r;

	r = make_dir(dir, e);
	for (i = 0; !r && i < sizeof(subs) / sizeof(subs[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, subs[i]);
		r = make_dir(path, e);
	}
	return r;
}

static void get_text(const json_t *j, const char *key, char *ret, size_t size)
{
	const char *s = json_string_value(json_object_get(j, key));

	snprintf(ret, size, "%s", s ?: "");
}

static bool get_hex(const json_t *j, const char *key, unsigned char *ret,
		    unsigned int len)
{
	const char *s = json_string_value(json_object_get(j, key));
	unsigned int i, byte;

	if (!s || strlen(s) != 2 * len)
		return false;
	for (i = 0; i < len; i++) {
		if (sscanf(s + 2 * i, "%2x", &byte) != 1)
			return false;
		ret[i] = byte;
	}
	return true;
}

static void rekey_from_json(struct cmk_state_rekey *r, const json_t *j)
{
	r->wanted = json_is_object(j);
	r->paused = json_is_true(json_object_get(j, "paused"));
	r->first = json_integer_value(json_object_get(j, "first"));
	r->next = json_integer_value(json_object_get(j, "next"));
	r->last = json_integer_value(json_object_get(j, "last"));
	r->bandwidth = json_integer_value(json_object_get(j, "bandwidth"));
}

static json_t *rekey_to_json(const struct cmk_state_rekey *r)
{
	return json_pack("{s:b, s:I, s:I, s:I, s:I}", "paused", r->paused,
			 "first", (json_int_t)r->first, "next",
			 (json_int_t)r->next, "last", (json_int_t)r->last,
			 "bandwidth", (json_int_t)r->bandwidth);
}

static void from_json(struct cmk_state *st, const json_t *j)
{
	const json_t *options = json_object_get(j, "options");
	unsigned int i;

	get_text(j, "name", st->name, sizeof(st->name));
	get_text(j, "device", st->device, sizeof(st->device));
	get_text(j, "header", st->header, sizeof(st->header));
	get_text(j, "kek", st->kek, sizeof(st->kek));
	get_text(j, "leaving", st->leaving, sizeof(st->leaving));
	get_text(j, "kid", st->kid, sizeof(st->kid));
	st->generations = json_integer_value(json_object_get(j, "generations"));
	get_text(j, "former", st->former, sizeof(st->former));
	st->former_at = json_integer_value(json_object_get(j, "former_at"));
	get_text(j, "oid", st->oid, sizeof(st->oid));
	get_text(j, "tid", st->tid, sizeof(st->tid));
	st->has_hk = get_hex(j, "hk_id", st->hk_id, sizeof(st->hk_id));
	st->seq = json_integer_value(json_object_get(j, "seq"));
	rekey_from_json(&st->rekey, json_object_get(j, "rekey"));
	for (i = 0; i < CMK_STATE_OPTIONS; i++)
		get_text(options, cmk_state_options[i], st->options[i],
			 CMK_STATE_OPTION_LEN);
}

int cmk_state_load(const char *dir, const unsigned char uuid[16],
		   struct cmk_state *ret, struct cmk_error *e)
{
	struct cmk_state st = { .has_hk = false };
	__json json_t *j = NULL;
	json_error_t je;
	char path[4096];
	int r;

	r = path_of(path, sizeof(path), dir, "state", uuid, ".json");
	if (r)
		return failed(e, r, "read", dir);
	if (access(path, F_OK) && errno == ENOENT)
		return failed(e, -ENOENT, "read", path);
	j = json_load_file(path, 0, &je);
	/*
	 * A file that is there but cannot be read is not "unknown": it would
	 * let an exchanged header pass.
	 */
	if (!json_is_object(j))
		return cmk_error_set(e, CMK_FAILED, -EBADMSG, "state",
				     "'%s' is damaged: %s", path, je.text);
	memcpy(st.uuid, uuid, 16);
	from_json(&st, j);
	*ret = st;
	return 0;
}

static json_t *to_json(const struct cmk_state *st)
{
	json_t *options = json_object(), *j;
	char uuid[37], hex[65] = "";
	unsigned int i;

	cmk_format_uuid(st->uuid, uuid);
	for (i = 0; i < 32 && st->has_hk; i++)
		sprintf(hex + 2 * i, "%02x", st->hk_id[i]);
	for (i = 0; i < CMK_STATE_OPTIONS; i++)
		if (st->options[i][0])
			json_object_set_new(options, cmk_state_options[i],
					    json_string(st->options[i]));
	j = json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:s, s:I, s:s, s:s, s:o}",
		      "version", 1, "uuid", uuid, "name", st->name,
		      "device", st->device, "header", st->header,
		      "kek", st->kek, "leaving", st->leaving,
		      "kid", st->kid, "hk_id", hex,
		      "seq", (json_int_t)st->seq, "generations",
		      (json_int_t)st->generations, "former", st->former,
		      "former_at", (json_int_t)st->former_at, "oid", st->oid,
		      "tid", st->tid, "options", options);
	if (j && st->rekey.wanted)
		json_object_set_new(j, "rekey", rekey_to_json(&st->rekey));
	return j;
}

static int write_all(int fd, const char *s, size_t len)
{
	while (len) {
		ssize_t n = write(fd, s, len);

		if (n < 0)
			return -errno;
		s += n;
		len -= n;
	}
	return 0;
}

static int sync_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return -errno;
	r = fsync(fd) ? -errno : 0;
	close(fd);
	return r;
}

static int replace(const char *path, const char *text)
{
	char tmp[4096 + 8];
	int fd, r;

	snprintf(tmp, sizeof(tmp), "%s.tmp", path);
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
		  0600);
	if (fd < 0)
		return -errno;
	r = write_all(fd, text, strlen(text));
	if (!r && fsync(fd))
		r = -errno;
	close(fd);
	if (!r && rename(tmp, path))
		r = -errno;
	if (r)
		unlink(tmp);
	return r;
}

int cmk_state_save(const char *dir, const struct cmk_state *st,
		   struct cmk_error *e)
{
	__json json_t *j = to_json(st);
	char path[4096], *text;
	int r;

	text = j ? json_dumps(j, JSON_INDENT(1)) : NULL;
	if (!text)
		return failed(e, -ENOMEM, "write", dir);
	r = path_of(path, sizeof(path), dir, "state", st->uuid, ".json");
	if (!r)
		r = replace(path, text);
	free(text);
	if (!r) {
		*strrchr(path, '/') = 0;
		r = sync_dir(path);
	}
	return r ? failed(e, r, "write", path) : 0;
}

/*
 * The name of the file, if it is there: that of one which a restore has taken
 * is another, and it may be put back between two looks.
 */
static bool find_marker(char *ret, size_t size, const char *dir,
			const unsigned char uuid[16])
{
	static const char * const ends[] = { "", ".restoring", "" };
	unsigned int i;

	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (!path_of(ret, size, dir, "revoked", uuid, ends[i]) &&
		    (!access(ret, F_OK) || errno != ENOENT))
			return true;
	return false;
}

bool cmk_state_revoked(const char *dir, const unsigned char uuid[16],
		       char *text, unsigned int size)
{
	__json json_t *j = NULL;
	const char *when, *what;
	char path[4096];

	if (!find_marker(path, sizeof(path), dir, uuid))
		return false;
	j = json_load_file(path, 0, NULL);
	when = json_string_value(json_object_get(j, "time"));
	what = json_string_value(json_object_get(j, "action"));
	snprintf(text, size, "closed by an administrator (%.32s%s%.64s, %s)",
		 what ?: "revoke", when ? " of " : "", when ?: "", path);
	return true;
}
