// SPDX-License-Identifier: GPL-2.0
/*
 * When to ask a server again.  Owns the numbers: back-off, time of one try,
 * number of tries.
 */
#include "retry.h"

#define USEC_PER_SEC	1000000ULL
#define SHORT_BUDGET	(10 * USEC_PER_SEC)
#define SHORT_TRIES	2
#define MAX_DELAY	(16 * USEC_PER_SEC)
#define MIN_TIMEOUT	(1 * USEC_PER_SEC)
#define MAX_TIMEOUT	(10 * USEC_PER_SEC)

static uint64_t left(const struct cmk_retry *r, uint64_t now)
{
	uint64_t spent = now > r->start ? now - r->start : 0;

	return spent < r->budget ? r->budget - spent : 0;
}

uint64_t cmk_retry_timeout(const struct cmk_retry *r, uint64_t now)
{
	uint64_t t = r->budget / 2, rest = left(r, now);

	if (t < MIN_TIMEOUT)
		t = MIN_TIMEOUT;
	if (t > MAX_TIMEOUT)
		t = MAX_TIMEOUT;
	return t < rest ? t : rest;
}

bool cmk_retry_delay(const struct cmk_retry *r, uint64_t now,
		     unsigned int retry_after, uint32_t random, uint64_t *ret)
{
	uint64_t delay = USEC_PER_SEC;
	unsigned int i;

	if (r->budget < SHORT_BUDGET) {
		if (r->tries >= SHORT_TRIES)
			return false;
		delay = r->budget / 10;
	}
	for (i = 1; i < r->tries && delay < MAX_DELAY; i++)
		delay *= 2;
	if (delay > MAX_DELAY)
		delay = MAX_DELAY;
	delay = delay * 3 / 4 + (delay / 2) * (random & 0xffff) / 0xffff;
	if (delay < retry_after * USEC_PER_SEC)
		delay = retry_after * USEC_PER_SEC;
	if (delay >= left(r, now))
		return false;
	*ret = delay;
	return true;
}
