// SPDX-License-Identifier: GPL-2.0
/*
 * The method Format: reads its parameters, computes the geometry, and looks
 * whether the key is fit to hold data for years.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "format.h"
#include "kek-fit.h"
#include "methods.h"

static void on_attributes(struct cmk_kek_result *res, void *userdata)
{
	struct format *f = userdata;
	struct cmk_error e;

	if (res->answer != CMK_USABLE) {
		cmk_format_fail(f, &res->error);
		return;
	}
	if (cmk_kek_fit(res, f->kek, f->force, f->warnings, &e)) {
		cmk_format_fail(f, &e);
		return;
	}
	memcpy(f->wrap.thumbprint, res->thumbprint, 32);
	/* All wraps of a volume are one version's. */
	cmk_format_start(f, res->kid);
}

/* -- parameters -- */

static int make_uuid(const struct cmk_request *req, unsigned char uuid[16],
		     struct cmk_error *e)
{
	if (json_object_get(req->parameters, "uuid"))
		return cmk_param_uuid(req, uuid, e);
	if (getrandom(uuid, 16, 0) != 16)
		return cmk_error_set(e, CMK_FAILED, -EIO, "random",
				     "no random numbers");
	uuid[6] = (uuid[6] & 0x0f) | 0x40;
	uuid[8] = (uuid[8] & 0x3f) | 0x80;
	return 0;
}

static int open_device(struct format *f, uint64_t *size, struct cmk_error *e)
{
	struct stat st;
	int r = 0;

	f->fd = open(f->device, O_RDWR | O_EXCL | O_CLOEXEC);
	if (f->fd < 0 || fstat(f->fd, &st))
		return cmk_error_set(e, CMK_UNSUITABLE, -errno, "device",
				     "cannot open '%s' for oneself: %m",
				     f->device);
	*size = st.st_size;
	if (S_ISBLK(st.st_mode) && ioctl(f->fd, BLKGETSIZE64, size))
		r = -errno;
	return r ? cmk_error_set(e, CMK_UNSUITABLE, r, "device",
				 "the size of '%s' is not known", f->device) : 0;
}

static int geometry(struct format *f, struct cmk_error *e)
{
	struct cmk_header_params p = { .detached = f->header_path[0] != 0 };
	uint64_t sector_size;
	char wrap[16];
	int r;

	r = make_uuid(f->req, p.uuid, e) ?:
	    cmk_param_number(f->req, "range_size", &p.range_size, e) ?:
	    cmk_param_number(f->req, "sector_size", &sector_size, e) ?:
	    cmk_param_text(f->req, "wrap", wrap, sizeof(wrap), false, e) ?:
	    open_device(f, &p.device_size, e);
	if (r)
		return r;
	p.sector_size = sector_size > 65536 ? 65536 : sector_size;
	if (!strcmp(wrap, "direct"))
		p.wrap = CMK_FORMAT_WRAP_DIRECT;
	else if (!strcmp(wrap, "hk"))
		p.wrap = CMK_FORMAT_WRAP_HK;
	else if (wrap[0])
		return cmk_error_set(e, CMK_USAGE, -EINVAL, "bad-parameter",
				     "wrap is direct or hk");
	r = cmk_header_new(&f->header, &p, e);
	if (!r)
		cmk_header_get_info(f->header, &f->info);
	return r;
}

static int parse(struct format *f, struct cmk_error *e)
{
	static const char * const known[] = {
		"device", "header", "kek", "range_size", "sector_size", "wrap",
		"uuid", "force", NULL,
	};
	struct cmk_request *req = f->req;
	int r;

	r = cmk_param_check(req, known, e) ?:
	    cmk_param_text(req, "device", f->device, sizeof(f->device), true,
			   e) ?:
	    cmk_param_text(req, "header", f->header_path,
			   sizeof(f->header_path), false, e) ?:
	    cmk_param_text(req, "kek", f->kek, sizeof(f->kek), false, e) ?:
	    cmk_param_flag(req, "force", &f->force, e) ?:
	    geometry(f, e);
	if (!f->kek[0])
		strcpy(f->kek, "service");
	f->azure = strncmp(f->kek, "service", 7) != 0;
	return r;
}

void cmk_method_format(struct cmk_request *req, void *userdata)
{
	struct cmk_agent *a = userdata;
	struct format *f = calloc(1, sizeof(*f));
	struct cmk_error e;

	if (!f) {
		cmk_error_set(&e, CMK_FAILED, -ENOMEM, "no-memory",
			      "out of memory");
		cmk_request_fail(req, &e);
		return;
	}
	f->agent = a;
	f->req = req;
	f->fd = -1;
	f->warnings = json_array();
	if (parse(f, &e))
		cmk_format_fail(f, &e);
	else if (!f->azure)
		cmk_format_start(f, f->kek);
	else if (cmk_kek_get(a->keks, f->kek, CMK_PATIENCE, on_attributes, f,
			     NULL, &e))
		cmk_format_fail(f, &e);
}
