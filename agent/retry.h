/* SPDX-License-Identifier: GPL-2.0 */
/*
 * When to ask a server again: the one rule for every request of the agent.
 * A pure function of times, so that a table can test it.
 */
#ifndef CMK_RETRY_H
#define CMK_RETRY_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct cmk_retry - the tries of one operation; times in microseconds
 * @start: when the first try began
 * @budget: time for the whole operation
 * @tries: how many have begun
 */
struct cmk_retry {
	uint64_t start, budget;
	unsigned int tries;
};

/**
 * cmk_retry_timeout() - how long the try that begins @now may take
 *
 * Half of the budget, so that a server that hangs leaves room for a second
 * try, but no less than a second (a TLS handshake over a slow link) and no
 * more than ten; and never past the end of the budget.
 */
uint64_t cmk_retry_timeout(const struct cmk_retry *r, uint64_t now);

/**
 * cmk_retry_delay() - how long to wait before the next try
 * @retry_after: seconds that the server asked for, 0 if it did not
 * @random: any number; moves the delay by up to a quarter either way, so
 *	that a fleet does not come back in step
 * @ret: delay in microseconds
 *
 * 1, 2, 4 ... 16 s, as Key Vault's throttling guide asks; with a budget below
 * 10 s a tenth of it instead of the second, and two tries in all: a probe
 * must end in its interval, and is followed by another one.
 *
 * Return: false if the next try would not begin within the budget.
 */
bool cmk_retry_delay(const struct cmk_retry *r, uint64_t now,
		     unsigned int retry_after, uint32_t random, uint64_t *ret);

#endif
