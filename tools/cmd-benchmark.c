// SPDX-License-Identifier: GPL-2.0
/*
 * cmkctl benchmark: let the kernel measure its cipher, and print a table.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>

#include "clock.h"
#include "cmkctl.h"
#include "netlink.h"

#define WAIT_SECONDS	30	/* a fraction of one on an idle machine */

static const uint32_t sector_sizes[] = { 512, 1024, 2048, 4096 };

/* The event that is waited for. */
struct waiting {
	uint32_t sector_size;
	struct cmk_nl_speed *speed;
	bool done;
};

static void on_event(const struct cmk_nl_event *ev, void *userdata)
{
	struct waiting *w = userdata;

	if (ev->type != CMK_NL_BENCHMARK ||
	    ev->speed.sector_size != w->sector_size)
		return;
	*w->speed = ev->speed;
	w->done = true;
}

static int no_answer(struct cmk_error *e)
{
	return cmk_error_set(e, CMK_TEMPORARY, -ETIMEDOUT, "timeout",
			     "kernel: the benchmark did not end in time; "
			     "try again");
}

static int wait_for(struct cmkctl *ctl, struct cmk_nl *nl, struct waiting *w,
		    struct cmk_error *e)
{
	unsigned int seconds = ctl->timeout ? ctl->timeout : WAIT_SECONDS;
	uint64_t now = cmk_boottime(), end = now + seconds * 1000000ULL;
	struct pollfd p = { cmk_nl_event_fd(nl), POLLIN, 0 };

	while (!w->done) {
		if (now >= end)
			return no_answer(e);
		if (poll(&p, 1, (end - now) / 1000 + 1) < 0 && errno != EINTR)
			return cmk_error_set(e, CMK_FAILED, -errno, "poll",
					     "poll: %m");
		if (cmk_nl_read_events(nl, on_event, w) < 0)
			return cmk_error_set(e, CMK_FAILED, -EIO, "netlink",
					     "cannot read events of dm-cmk");
		now = cmk_boottime();
	}
	if (w->speed->cipher_decrypt)
		return 0;
	return cmk_error_set(e, CMK_FAILED, -EIO, "benchmark",
			     "kernel: the benchmark failed: no memory, or an "
			     "error of %s", w->speed->driver);
}

static int measure(struct cmkctl *ctl, struct cmk_nl *nl, uint32_t size,
		   struct cmk_nl_speed *ret, struct cmk_error *e)
{
	struct waiting w = { .sector_size = size, .speed = ret };
	int r;

	r = cmk_nl_benchmark(nl, size, e);
	if (r < 0)
		return r;
	return wait_for(ctl, nl, &w, e);
}

static double mib(uint64_t kib)
{
	return kib / 1024.0;
}

static json_t *as_json(const struct cmk_nl_speed *speed)
{
	return json_pack("{s:I, s:{s:I, s:I}, s:{s:I, s:I}}",
			 "sector_size", (json_int_t)speed->sector_size,
			 "cipher",
			 "encrypt_kib_s", (json_int_t)speed->cipher_encrypt,
			 "decrypt_kib_s", (json_int_t)speed->cipher_decrypt,
			 "volume",
			 "encrypt_kib_s", (json_int_t)speed->volume_encrypt,
			 "decrypt_kib_s", (json_int_t)speed->volume_decrypt);
}

static void print_head(const struct cmk_nl_speed *speed)
{
	printf("# %s, in memory, on one CPU.  Cipher: the cipher alone; "
	       "volume: as for an\n# I/O of 64 KiB, without the device.\n"
	       "#       |       Cipher, MiB/s      |       Volume, MiB/s\n"
	       "# Sector|   Encryption   Decryption|   Encryption   "
	       "Decryption\n", speed->driver);
}

static void print_row(const struct cmk_nl_speed *speed)
{
	printf("%8u %12.1f %12.1f %13.1f %12.1f\n", speed->sector_size,
	       mib(speed->cipher_encrypt), mib(speed->cipher_decrypt),
	       mib(speed->volume_encrypt), mib(speed->volume_decrypt));
	fflush(stdout);
}

static int measure_all(struct cmkctl *ctl, struct cmk_nl *nl)
{
	json_t *out __json = json_array();
	struct cmk_nl_speed speed = { 0 };
	struct cmk_error e;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sector_sizes); i++) {
		if (measure(ctl, nl, sector_sizes[i], &speed, &e) < 0)
			return ctl_fail(ctl, &e, NULL);
		json_array_append_new(out, as_json(&speed));
		if (ctl->json || ctl->quiet)
			continue;
		if (i == 0)
			print_head(&speed);
		print_row(&speed);
	}
	if (ctl->json)
		ctl_print_json(json_pack("{s:s, s:O}", "driver", speed.driver,
					 "results", out));
	return CMK_OK;
}

int cmd_benchmark(struct cmkctl *ctl, int argc, char **argv)
{
	struct cmk_nl *nl = NULL;
	struct cmk_error e;
	int status;

	if (ctl_no_options(ctl, argc, argv, &status) == CTL_STOP)
		return status;
	if (optind < argc)
		return ctl_usage(ctl, "no argument is known");
	if (cmk_nl_open(&nl, &e) < 0)
		return ctl_fail(ctl, &e, NULL);
	if (cmk_nl_subscribe(nl, &e) < 0)
		status = ctl_fail(ctl, &e, NULL);
	else
		status = measure_all(ctl, nl);
	cmk_nl_close(nl);
	return status;
}
