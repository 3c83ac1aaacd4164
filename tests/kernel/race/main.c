// SPDX-License-Identifier: GPL-2.0
/*
 * Races, see race.h:
 *
 *	race KIND NAME UUID DISK SECONDS ROUNDS SEED [COMMAND...]
 *
 * goes on for so many seconds, three rounds at least, or for so many rounds,
 * whichever is first.  DISK has 32 MiB at least; the volume is made and
 * removed.  In the end one line:
 *
 *	race=KIND seed=N rounds=N first=N second=N both=N neither=N ios=N
 *	refused=N slowest=US seconds=N
 *
 * "first" counts the rounds in which what KIND names first came first.
 */

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "race.h"

struct race race;
static unsigned int seed;

/**
 * struct kind - a race
 * @name: its word, what races first
 * @round: one round of it
 * @readers: that only read
 * @writers: that only write
 * @both: that do both
 * @may: what their I/O may be told
 * @options: of the table line, with their number
 */
static const struct kind {
	const char *name;
	void (*round)(void);
	unsigned int readers, writers, both;
	const char *may, *options;
} kinds[] = {
	{ "revoke-map", round_revoke_map, 0, 0, 8, "ENODEV", "0" },
	{ "revoke-set", round_set_revoke, 0, 0, 6, "ENODEV", "0" },
	{ "restore-revoke", round_restore_revoke, 0, 0, 6, "ENODEV", "0" },
	{ "restore-refuse", round_restore_refuse, 0, 0, 2, "ENODEV", "0" },
	{ "lapse-renew", round_lapse_renew, 0, 0, 6, "", "0" },
	{ "hold-reads", round_hold_reads, 6, 0, 2, "", "0" },
	{ "command-reload", round_reload, 0, 0, 6, "ENODEV", "0" },
	{ "revoke-remove", round_remove, 0, 0, 6, "ENODEV EIO",
	  "1 hold_timeout:1" },
	{ "bind-release", round_rebind, 0, 0, 6, "", "0" },
	{ "unload-use", round_unload, 0, 0, 0, "", "0" },
	{ "command", round_command, 32, 32, 0, "ENODEV", "0" },
	{ 0 }
};

uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec * 1000000ULL + t.tv_nsec / 1000;
}

void wait_until(uint64_t when)
{
	uint64_t t;

	while ((t = now()) < when)
		if (when - t > 200)
			usleep(when - t - 100);
}

unsigned int pick(unsigned int n)
{
	return rand_r(&seed) % n;
}

void fault(const char *format, ...)
{
	va_list args;

	printf("# fault in round %u: ", race.rounds);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
	_exit(1);
}

/* Lest one side always wins: the loser's turn comes a little earlier. */
void count(enum order order)
{
	const int step = pick(400);

	switch (order) {
	case FIRST:
		race.first++;
		race.bias -= step;
		break;
	case SECOND:
		race.second++;
		race.bias += step;
		break;
	case BOTH:
		race.both++;
		break;
	case NEITHER:
		break;
	}
	if (race.bias > 50000 || race.bias < -50000)
		race.bias = 0;
}

static bool is(const struct answer *a, const char *gate, int live)
{
	char want[32];

	snprintf(want, sizeof(want), "gate=%s ", gate);
	return strstr(a->words, want) &&
	       (live < 0 || (int)answer_number(a, "live=") == live);
}

void expect(const char *gate, int live)
{
	struct answer a = link_do(race.other, "", "get %s", race.uuid);

	if (!is(&a, gate, live))
		fault("not %s with %d keys: %s", gate, live, a.words);
}

void expect_soon(const char *gate, int live)
{
	uint64_t end = now() + PATIENCE;
	struct answer a;

	do {
		a = link_do(race.other, "", "get %s", race.uuid);
		if (is(&a, gate, live))
			return;
		usleep(1000);
	} while (now() < end);
	fault("not %s with %d keys: %s", gate, live, a.words);
}

void set_keys(void)
{
	struct answer a;
	int i;

	for (i = 0; i < RANGES; i++)
		link_send(race.agent, "set %s %d 1 %s", race.uuid, i, race.key);
	for (i = 0; i < RANGES; i++) {
		a = link_answer(race.agent);
		if (a.error[0])
			fault("%s", a.words);
	}
}

void restore(bool bare)
{
	link_do(race.agent, "", "admin-restore %s 7200 hold", race.uuid);
	if (!bare)
		set_keys();
}

static void begin(const struct kind *k)
{
	char path[128];
	int i;

	for (i = 0; i < 64; i++)
		sprintf(race.key + 2 * i, "%02x", i + 1);
	race.options = k->options;
	if (k->round == round_unload)
		return;
	table_create();
	race.agent = link_start(true);
	race.other = link_start(false);
	if (!race.agent || !race.other)
		fault("no nltool");
	restore(false);
	table_resume();
	snprintf(path, sizeof(path), "/dev/mapper/%s", race.name);
	load_permit(k->may);
	load_start(path, k->readers, k->writers, k->both);
}

static void end(const struct kind *k)
{
	struct answer a;

	if (k->round == round_unload)
		return;
	load_permit("");
	restore(false);
	load_succeeds(50);
	load_stop();
	a = link_do(race.other, "", "get %s", race.uuid);
	if (!is(&a, "open", RANGES) || !strstr(a.words, " parked=0 ") ||
	    !strstr(a.words, " wanted=0 "))
		fault("in the end %s", a.words);
	table_remove();
	a = link_do(race.other, "ENODEV", "get %s", race.uuid);
	if (!a.error[0])
		fault("still there: %s", a.words);
	link_stop(race.agent, 0);
	link_stop(race.other, 0);
}

int main(int argc, char **argv)
{
	const struct kind *k = kinds;
	unsigned int rounds, n;
	uint64_t start, last;

	while (argc > 7 && k->name && strcmp(k->name, argv[1]))
		k++;
	if (argc < 8 || !k->name) {
		fputs("race KIND NAME UUID DISK SECONDS ROUNDS SEED [COMMAND...]\n",
		      stderr);
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	race.name = argv[2];
	race.uuid = argv[3];
	race.disk = argv[4];
	rounds = strtoul(argv[6], NULL, 0);
	seed = strtoul(argv[7], NULL, 0);
	race.command = argv + 8;
	begin(k);
	start = now();
	last = start + strtoull(argv[5], NULL, 0) * 1000000;
	for (; race.rounds < rounds && (race.rounds < 3 || now() < last);
	     race.rounds++)
		k->round();
	last = now();
	end(k);
	n = race.first + race.second + race.both;
	printf("race=%s seed=%s rounds=%u first=%u second=%u both=%u ",
	       k->name, argv[7], race.rounds, race.first, race.second,
	       race.both);
	printf("neither=%u ", race.rounds - n);
	load_report();
	printf("seconds=%llu\n", (unsigned long long)(last - start) / 1000000);
	return 0;
}
