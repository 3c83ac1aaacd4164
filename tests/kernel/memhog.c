// SPDX-License-Identifier: GPL-2.0
/*
 * Fills more memory than the machine has, again and again, and looks whether
 * all of it is still there:
 *
 *	memhog MIB ROUNDS
 *
 * Each page of each round has its own content.  Says how many pages were wrong
 * and ends with 1 if any was.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define PAGE	4096
#define WORDS	(PAGE / sizeof(uint64_t))

static uint64_t next(uint64_t x)
{
	x ^= x << 13;
	x ^= x >> 7;
	return x ^ x << 17;
}

static uint64_t seed(unsigned int round, size_t page)
{
	return next((round + 1) * 0x9e3779b97f4a7c15ULL + page);
}

static void fill(uint64_t *mem, size_t pages, unsigned int round)
{
	size_t page, i;
	uint64_t x;

	for (page = 0; page < pages; page++) {
		x = seed(round, page);
		for (i = 0; i < WORDS; i++) {
			mem[page * WORDS + i] = x;
			x = next(x);
		}
	}
}

static size_t wrong(const uint64_t *mem, size_t pages, unsigned int round)
{
	size_t page, i, n = 0;
	uint64_t x;

	for (page = 0; page < pages; page++) {
		x = seed(round, page);
		for (i = 0; i < WORDS && mem[page * WORDS + i] == x; i++)
			x = next(x);
		n += i < WORDS;
	}
	return n;
}

int main(int argc, char **argv)
{
	unsigned int rounds, round;
	size_t pages, n, bad = 0;
	uint64_t *mem;

	if (argc != 3) {
		fputs("memhog MIB ROUNDS\n", stderr);
		return 2;
	}
	pages = strtoul(argv[1], NULL, 0) * 256;
	rounds = strtoul(argv[2], NULL, 0);
	mem = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED) {
		perror("memory");
		return 2;
	}
	for (round = 0; round < rounds; round++) {
		fill(mem, pages, round);
		n = wrong(mem, pages, round);
		printf("round %u: %zu of %zu pages wrong\n", round, n, pages);
		fflush(stdout);
		bad += n;
	}
	return bad ? 1 : 0;
}
