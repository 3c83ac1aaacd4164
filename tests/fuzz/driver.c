// SPDX-License-Identifier: GPL-2.0
/*
 * Feeds a fuzz target without libFuzzer, so that each machine that has a
 * compiler can: files as they are, then mutations of them for some seconds.
 * No coverage guides it; the seed that it prints makes a run again.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "input.h"

#define FILES_MAX	64
#define INPUT_MAX	(FUZZ_HEAD + FUZZ_SUPER_MAX + FUZZ_SLOTS_MAX)
#define CHANGES_MAX	4

static struct {
	unsigned char *data;
	size_t len;
} files[FILES_MAX];
static int n_files;

static void read_file(const char *path)
{
	FILE *f = fopen(path, "r");
	unsigned char *p = malloc(INPUT_MAX);

	if (!f || !p || n_files == FILES_MAX)
		err(1, "%s", path);
	files[n_files].data = p;
	files[n_files++].len = fread(p, 1, INPUT_MAX, f);
	fclose(f);
}

/* Most fields lie in the first 600 bytes and in the first slots. */
static size_t somewhere(size_t len)
{
	size_t near = random() % 4 ? 600 : len;

	if (random() % 4 == 0)
		return len - 1 - random() % (len < 1024 ? len : 1024);
	return random() % (near < len ? near : len);
}

static void change(unsigned char *p, size_t len)
{
	static const unsigned long long odd[] = {
		0, 1, 255, 256, 0x7fffffff, 0x80000000, 0xffffffff,
		0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff,
	};
	size_t at = somewhere(len), size = 1UL << random() % 4;

	switch (random() % 3) {
	case 0:
		p[at] ^= 1U << random() % 8;
		break;
	case 1:
		p[at] = random();
		break;
	case 2:
		at -= at % size;
		if (at + size <= len)
			memcpy(p + at, &odd[random() % 10], size);
		break;
	}
}

static void mutate_once(void)
{
	int from = random() % n_files, n = 1 + random() % CHANGES_MAX;
	size_t len = files[from].len;
	unsigned char *p = malloc(len);

	if (!p || !len)
		errx(1, "an empty file");
	memcpy(p, files[from].data, len);
	while (n--)
		change(p, len);
	if (random() % 50 == 0)
		len = random() % len;
	LLVMFuzzerTestOneInput(p, len);
	free(p);
}

int main(int argc, char **argv)
{
	unsigned int seed = time(NULL);
	unsigned long runs = 0;
	time_t end;
	int n;

	if (argc < 3)
		errx(2, "usage: SECONDS[,SEED] FILE...");
	sscanf(argv[1], "%*u,%u", &seed);
	srandom(seed);
	for (n = 2; n < argc; n++) {
		read_file(argv[n]);
		LLVMFuzzerTestOneInput(files[n - 2].data, files[n - 2].len);
	}
	printf("seed %u\n", seed);
	fflush(stdout);
	for (end = time(NULL) + atoi(argv[1]); time(NULL) < end; runs++)
		mutate_once();
	printf("%lu inputs\n", runs);
	return 0;
}
