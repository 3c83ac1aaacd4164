// SPDX-License-Identifier: GPL-2.0
/*
 * Owns the progress bar.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "member.h"
#include "progress.h"
#include "span.h"
#include "text.h"

#define WIDTH	40

static bool drawn;
static int64_t began;		/* milliseconds, of the first report */
static int64_t begin_done;	/* and how far it was then */

static bool wanted(const struct cmkctl *ctl)
{
	return !ctl->quiet && !ctl->json && isatty(STDERR_FILENO);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* Seconds until the end at the pace so far, -1 if that is not known yet. */
static int64_t left(int64_t done, int64_t total)
{
	int64_t ms;

	if (!began) {
		began = now_ms();
		begin_done = done > 1 ? done : 0;
	}
	ms = now_ms() - began;
	if (done <= begin_done || !ms)
		return -1;
	return (double)ms * (total - done) / (done - begin_done) / 1000;
}

/* What is counted in bytes has a rate; operations have none. */
static bool is_bytes(const char *what)
{
	return !strcmp(what, "rekey");
}

static int64_t rate(int64_t done)
{
	int64_t ms = now_ms() - began;

	return done > begin_done && ms > 0 ? (done - begin_done) * 1000 / ms :
					     0;
}

static void draw_count(const char *what, int64_t done, int64_t total)
{
	char a[TEXT_SIZE], b[TEXT_SIZE], c[TEXT_SIZE];

	if (!is_bytes(what))
		fprintf(stderr, "%lld of %lld", (long long)done,
			(long long)total);
	else
		fprintf(stderr, "%s of %s, %s/s", text_size(done, a),
			text_size(total, b), text_size(rate(done), c));
}

static void draw_bar(const char *what, int64_t done, int64_t total, int64_t eta)
{
	char bar[WIDTH + 1], span[64];
	int filled = (double)done / total * WIDTH;

	memset(bar, '#', filled);
	memset(bar + filled, '.', WIDTH - filled);
	bar[WIDTH] = '\0';
	fprintf(stderr, "\r%-12.12s [%s] ", what, bar);
	draw_count(what, done, total);
	if (eta > 0)
		fprintf(stderr, ", %s left",
			cmk_format_span(eta * 1000000, span, sizeof(span)));
	fputs("\033[K", stderr);
	fflush(stderr);
	drawn = true;
}

static void tell(const char *what, int64_t done, int64_t total, int64_t eta)
{
	json_t *o __json = json_pack("{s:{s:s, s:I, s:I}}", "progress",
				     "what", what, "done", (json_int_t)done,
				     "total", (json_int_t)total);

	if (eta >= 0)
		json_object_set_new(json_object_get(o, "progress"), "eta_s",
				    json_integer(eta));
	if (is_bytes(what))
		json_object_set_new(json_object_get(o, "progress"), "rate",
				    json_integer(rate(done)));
	json_dumpf(o, stderr, JSON_COMPACT);
	fputc('\n', stderr);
}

void progress_draw(struct cmkctl *ctl, const json_t *report)
{
	int64_t done = json_number(report, "done");
	int64_t total = json_number(report, "total");
	const char *what = json_text(report, "what");
	int64_t eta;

	if (ctl->quiet || total <= 0 || done < 0 || done > total)
		return;
	eta = left(done, total);
	if (ctl->json)
		tell(what, done, total, eta);
	else if (wanted(ctl))
		draw_bar(what, done, total, eta);
}

void progress_end(struct cmkctl *ctl)
{
	began = 0;
	if (!drawn)
		return;
	fputs("\r\033[K", stderr);
	fflush(stderr);
	drawn = false;
}
