// SPDX-License-Identifier: GPL-2.0
/*
 * The method Erase: makes the data of a volume unreadable by the loss of its
 * wrapped keys.  All of the header is overwritten, both copies and what lies
 * between them, and read back from the device; then the node's own backups of
 * it go.  What a device keeps aside (flash, thin pools, snapshots) and what was
 * exported is out of reach from here.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "audit.h"
#include "backup.h"
#include "config.h"
#include "header.h"
#include "methods.h"
#include "span.h"
#include "volume.h"

#define BLOCK	CMK_FORMAT_MIB
#define HEAD	4096

/**
 * struct erase - one request
 * @fd: of @path, locked, without a cache where the file system can
 * @excl: keeps others from mapping or mounting the device meanwhile
 * @buf: two blocks: what is written, and what was read back
 */
struct erase {
	char path[CMK_STATE_PATH_LEN];
	unsigned char uuid[16];
	uint64_t size;
	int fd, excl;
	unsigned char *buf;
};

/* A damaged header is erased, too; then its size follows from its places. */
static int guess(struct erase *x, struct cmk_error *e)
{
	static const uint64_t places[] = {
		0, CMK_SMALL_COPY_B, CMK_LARGE_COPY_B
	};
	const struct cmk_disk_super *s = (const void *)x->buf;
	unsigned int i;

	x->size = 0;
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (pread(x->fd, x->buf, HEAD, places[i]) != HEAD ||
		    memcmp(s->magic, CMK_FORMAT_MAGIC, sizeof(s->magic)))
			continue;
		memcpy(x->uuid, s->uuid, sizeof(x->uuid));
		x->size = places[i] == CMK_LARGE_COPY_B ? CMK_LARGE_HEADER :
							  CMK_SMALL_HEADER;
	}
	if (x->size)
		return 0;
	return cmk_error_set(e, CMK_UNSUITABLE, -ENODATA, "no-header",
			     "there is no cmk header on %s", x->path);
}

static int measure(struct erase *x, struct cmk_error *e)
{
	struct cmk_header *h __cmk_header = NULL;
	struct cmk_header_info info;

	if (cmk_header_read(&h, x->fd, NULL))
		return guess(x, e);
	cmk_header_get_info(h, &info);
	memcpy(x->uuid, info.uuid, sizeof(x->uuid));
	x->size = info.header_size;
	return 0;
}

static int open_path(struct erase *x, struct cmk_error *e)
{
	int r;

	r = cmk_header_claim(&x->excl, x->path, e);
	if (r)
		return r;
	x->buf = aligned_alloc(HEAD, 2 * BLOCK);
	if (!x->buf)
		return cmk_error_set(e, CMK_FAILED, -ENOMEM, "no-memory",
				     "out of memory");
	return cmk_header_open(&x->fd, x->path, true, e);
}

static int fill(unsigned char *p, size_t len)
{
	ssize_t n;

	for (; len; p += n, len -= n) {
		n = getrandom(p, len, 0);
		if (n < 0)
			return -errno;
	}
	return 0;
}

static int overwrite(struct erase *x)
{
	uint64_t at;

	for (at = 0; at < x->size; at += BLOCK)
		if (pwrite(x->fd, x->buf, BLOCK, at) != BLOCK)
			return errno ? -errno : -EIO;
	if (fdatasync(x->fd))
		return -errno;
	for (at = 0; at < x->size; at += BLOCK)
		if (pread(x->fd, x->buf + BLOCK, BLOCK, at) != BLOCK ||
		    memcmp(x->buf, x->buf + BLOCK, BLOCK))
			return -EILSEQ;
	return 0;
}

static int erase(struct erase *x, struct cmk_agent *a, struct cmk_error *e)
{
	int r;

	r = open_path(x, e) ?: measure(x, e) ?:
	    cmk_volume_check_closed(a, x->uuid, "close it first", e);
	if (r)
		return r;
	r = fill(x->buf, BLOCK);
	if (!r)
		r = overwrite(x);
	if (r)
		return cmk_error_set(e, CMK_PARTIAL, r, "erase",
				     "%s: the header is not gone, or not all of it: %s",
				     x->path, r == -EILSEQ ?
				     "it reads back otherwise than it was written" :
				     strerror(-r));
	r = cmk_backup_forget(a->config->state_directory, x->uuid, NULL, e);
	if (r)
		e->status = CMK_PARTIAL;
	return r;
}

static void end(struct erase *x)
{
	if (x->fd >= 0)
		close(x->fd);
	if (x->excl >= 0)
		close(x->excl);
	free(x->buf);
}

void cmk_method_erase(struct cmk_request *req, void *userdata)
{
	static const char * const known[] = { "path", NULL };
	struct erase x = { .fd = -1, .excl = -1 };
	struct cmk_audit_entry en = {
		.event = CMK_AUDIT_ERASE, .uuid = x.uuid, .device = x.path,
		.range = "all", .uid = req->uid, .pid = req->pid,
	};
	struct cmk_agent *a = userdata;
	struct cmk_error e;
	char uuid[37];
	int r;

	r = cmk_param_check(req, known, &e) ?:
	    cmk_param_text(req, "path", x.path, sizeof(x.path), true, &e) ?:
	    erase(&x, a, &e);
	end(&x);
	if (r) {
		en.result = CMK_AUDIT_FAILED;
		cmk_audit_write(a->audit, &en, "%s: not erased: %s", x.path,
				e.text);
		cmk_request_fail(req, &e);
		return;
	}
	cmk_format_uuid(x.uuid, uuid);
	cmk_audit_write(a->audit, &en, "%s: all keys erased", x.path);
	cmk_request_result(req, json_pack("{s:s, s:I}", "uuid", uuid, "bytes",
					  (json_int_t)x.size));
}
