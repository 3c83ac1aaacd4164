// SPDX-License-Identifier: GPL-2.0
/* Races for the gate and the keys. */

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "race.h"

/* A while of load, so that the next thing comes anywhere in it. */
static void some_load(void)
{
	load_succeeds(1 + pick(8));
	wait_until(now() + pick(4000));
}

static enum order which(unsigned int first, unsigned int second)
{
	return first ? second ? BOTH : FIRST : second ? SECOND : NEITHER;
}

/* Each I/O passes the gate before the revoke, or is refused. */
void round_revoke_map(void)
{
	struct answer a;
	struct seen s;

	some_load();
	a = link_do(race.other, "", "revoke %s", race.uuid);
	load_gate(false);
	expect("revoked", 0);
	wait_until(now() + pick(2000));
	load_pause(false);
	s = load_seen(a.begin, a.end, ~0ULL);
	count(which(s.failed, s.ok));
	load_gate(true);
	restore(false);
	load_go();
}

/* As round_revoke_map(), by a program, and when the last I/O succeeded. */
void round_command(void)
{
	uint64_t begin, end;
	struct seen s;

	some_load();
	begin = now();
	if (race.command[0] && run_program(race.command))
		fault("%s fails", race.command[0]);
	else if (!race.command[0])
		link_do(race.other, "", "revoke %s", race.uuid);
	end = now();
	load_gate(false);
	expect("revoked", 0);
	load_pause(false);
	s = load_seen(begin, end, ~0ULL);
	count(which(s.failed, s.ok));
	printf("round=%u begin=%llu end=%llu last_submit=%llu last_ok=%llu\n",
	       race.rounds, (unsigned long long)begin, (unsigned long long)end,
	       (unsigned long long)s.last_submit,
	       (unsigned long long)s.last_ok);
	load_gate(true);
	restore(false);
	load_go();
}

/* Both at about the same time, the second later by the bias. */
static void at_once(struct link *a, const char *first, struct link *b,
		    const char *second)
{
	int late = race.bias + (int)pick(1000) - 500;
	uint64_t when = now() + 500;

	link_send_at(a, when + (late < 0 ? -late : 0), first);
	link_send_at(b, when + (late > 0 ? late : 0), second);
}

/*
 * Each key is there before the revoke, which takes it, or is refused.  I/O
 * waits for them meanwhile.
 */
void round_set_revoke(void)
{
	unsigned int refused = 0, i;
	char sets[1024], revoke[64];
	struct answer a;
	size_t n = 0;

	link_do(race.other, "", "drop %s", race.uuid);
	for (i = 0; i < RANGES; i++)
		n += snprintf(sets + n, sizeof(sets) - n, "%sset %s %u 1 %s",
			      i ? "\n" : "", race.uuid, i, race.key);
	snprintf(revoke, sizeof(revoke), "revoke %s", race.uuid);
	at_once(race.other, revoke, race.agent, sets);
	a = link_answer(race.other);
	if (a.error[0])
		fault("%s", a.words);
	load_gate(false);
	expect("revoked", 0);
	for (i = 0; i < RANGES; i++) {
		a = link_answer(race.agent);
		refused += answer_is(&a, "EKEYREVOKED");
		if (a.error[0] && !answer_is(&a, "EKEYREVOKED"))
			fault("%s", a.words);
	}
	expect("revoked", 0);
	count(which(refused, RANGES - refused));
	load_pause(false);
	load_gate(true);
	restore(false);
	load_go();
}

/* A restore of what was closed before the revoke precedes it, or is refused. */
void round_restore_revoke(void)
{
	char open[96], revoke[64];
	struct answer a, b;

	some_load();
	link_do(race.other, "", "hold %s", race.uuid);
	load_gate(false);
	a = link_do(race.other, "", "get %s", race.uuid);
	snprintf(open, sizeof(open), "admin-restore-of %s %llu 600 hold",
		 race.uuid, answer_number(&a, "closing="));
	snprintf(revoke, sizeof(revoke), "revoke %s", race.uuid);
	at_once(race.agent, open, race.other, revoke);
	a = link_answer(race.other);
	b = link_answer(race.agent);
	if (a.error[0])
		fault("%s", a.words);
	if (b.error[0] && !answer_is(&b, "ESTALE"))
		fault("%s", b.words);
	expect("revoked", 0);
	count(b.error[0] ? SECOND : FIRST);
	load_pause(false);
	load_gate(true);
	restore(false);
	load_go();
}

/*
 * Until the gate is open each I/O is told that it was revoked, nothing else.
 * Without keys none succeeds either way, and the gate can be turned often.
 */
void round_restore_refuse(void)
{
	unsigned int turns = 32;
	struct answer a;
	struct seen s;

	load_insist();
	link_do(race.other, "", "revoke %s", race.uuid);
	load_gate(false);
	while (--turns) {
		restore(true);
		link_do(race.other, "", "revoke %s", race.uuid);
		wait_until(now() + pick(1000));
	}
	load_gate(true);
	a = link_do(race.agent, "", "admin-restore %s 600 hold", race.uuid);
	set_keys();
	load_pause(false);
	s = load_seen(a.begin, a.end, ~0ULL);
	count(which(s.failed, s.ok));
	load_go();
}

/* A renewal that comes too late revives nothing, one in time is good. */
static void lapsed(void)
{
	struct answer a;

	load_gate(false);
	expect_soon("held", 0);
	a = link_do(race.agent, "EKEYEXPIRED", "renew %s 600 hold", race.uuid);
	if (!a.error[0])
		fault("a lapsed lease is renewed");
	wait_until(now() + pick(2000));
	expect("held", 0);
	load_gate(true);
	restore(false);
	load_pause(false);
	load_go();
}

#define GRACE_MS	12

void round_lapse_renew(void)
{
	struct answer a = link_do(race.agent, "", "renew %s 600 hold %u",
				  race.uuid, GRACE_MS);

	wait_until(a.begin + GRACE_MS * 1000 + race.bias + pick(1000) - 500);
	a = link_do(race.agent, "EKEYEXPIRED", "renew %s 600 hold", race.uuid);
	if (a.error[0]) {
		lapsed();
		count(FIRST);
		return;
	}
	/* The timer of before still runs, and finds nothing to do. */
	wait_until(now() + 2000);
	expect("open", RANGES);
	load_succeeds(1);
	count(SECOND);
}

/* A read under way is decrypted before the hold returns, or waits. */
void round_hold_reads(void)
{
	struct answer a;
	struct seen s;

	some_load();
	a = link_do(race.other, "", "hold %s", race.uuid);
	load_gate(false);
	expect("held", 0);
	wait_until(now() + pick(3000));
	load_gate(true);
	restore(false);
	load_pause(false);
	s = load_seen(a.begin, a.end, a.end);
	count(which(s.late, s.ok - s.late));
	load_go();
}

/*
 * The agent dies while its successor binds, which it does before, and is
 * refused, or after.  Keys may be on their way, and I/O wait for them.
 */
void round_rebind(void)
{
	unsigned int sets = pick(RANGES + 1), i;
	static uint64_t took = 40000;
	struct link *next;
	uint64_t begin;
	bool busy;

	link_do(race.other, "", "drop %s", race.uuid);
	for (i = 0; i < sets; i++)
		link_send(race.agent, "set %s %u 1 %s", race.uuid, i, race.key);
	begin = now();
	link_kill_at(race.agent, begin + took / 2 + pick(took));
	next = link_start(true);
	busy = !next;
	if (!busy)
		took = now() - begin + 1;
	link_stop(race.agent, 0);
	if (!next)
		next = link_start(true);
	if (!next)
		fault("nobody can bind any more");
	race.agent = next;
	expect("open", -1);
	set_keys();
	expect("open", RANGES);
	load_pause(false);
	load_go();
	count(busy ? FIRST : SECOND);
}
