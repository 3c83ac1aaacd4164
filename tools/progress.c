// SPDX-License-Identifier: GPL-2.0
/*
 * Owns the progress bar.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "member.h"
#include "progress.h"

#define WIDTH	40

static bool drawn;

static bool wanted(const struct cmkctl *ctl)
{
	return !ctl->quiet && !ctl->json && isatty(STDERR_FILENO);
}

void progress_draw(struct cmkctl *ctl, const json_t *report)
{
	int64_t done = json_number(report, "done");
	int64_t total = json_number(report, "total");
	char bar[WIDTH + 1];
	int filled;

	if (!wanted(ctl) || total <= 0 || done < 0 || done > total)
		return;
	filled = done * WIDTH / total;
	memset(bar, '#', filled);
	memset(bar + filled, '.', WIDTH - filled);
	bar[WIDTH] = '\0';
	fprintf(stderr, "\r%-12.12s [%s] %lld of %lld",
		json_text(report, "step"), bar, (long long)done,
		(long long)total);
	fflush(stderr);
	drawn = true;
}

void progress_end(struct cmkctl *ctl)
{
	if (!drawn)
		return;
	fputs("\r\033[K", stderr);
	fflush(stderr);
	drawn = false;
}
