// SPDX-License-Identifier: GPL-2.0
/*
 * Searches files for thousands of byte strings at once, at each byte:
 *
 *	ramscan NEEDLES FILE...
 *
 * NEEDLES has a line "NAME HEX" for each string, of 16 bytes or more.  Prints
 * a line "NAME FILE OFFSET" for each place, but of one needle only the first
 * few in a file.
 *
 * The first eight bytes at a place are looked up in a bitmap, which is small
 * enough for a CPU's cache; what passes, in the sorted list of needles.
 */
#include <err.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define LEAST	16
#define SHOWN	4
#define BITS	22
#define BLOCK	4096

struct needle {
	uint64_t head;
	unsigned char *bytes;
	size_t len;
	char *name;
	unsigned int hits;
};

static struct needle *needles;
static size_t count;
static uint8_t map[(1 << BITS) / 8];

static uint64_t head_at(const unsigned char *p)
{
	uint64_t head;

	memcpy(&head, p, sizeof(head));
	return head;
}

static unsigned int hash(uint64_t head)
{
	return head * 0x9e3779b97f4a7c15ULL >> (64 - BITS);
}

static void add(char *name, const char *hex)
{
	struct needle n = { .len = strlen(hex) / 2 };
	unsigned int byte;
	size_t i;

	if (n.len < LEAST)
		errx(2, "%s is too short", name);
	n.name = strdup(name);
	n.bytes = malloc(n.len);
	if (!(count & (count + 1)))
		needles = reallocarray(needles, 2 * (count + 1), sizeof(n));
	if (!n.name || !n.bytes || !needles)
		errx(2, "out of memory");
	for (i = 0; i < n.len; i++) {
		if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
			errx(2, "%s is not in hexadecimal", name);
		n.bytes[i] = byte;
	}
	n.head = head_at(n.bytes);
	map[hash(n.head) / 8] |= 1 << hash(n.head) % 8;
	needles[count++] = n;
}

static int by_head(const void *a, const void *b)
{
	const struct needle *x = a, *y = b;

	return x->head < y->head ? -1 : x->head > y->head;
}

static void read_needles(const char *file)
{
	char *line = NULL, *name, *hex;
	FILE *f = fopen(file, "re");
	size_t size = 0;

	if (!f)
		err(2, "%s", file);
	while (getline(&line, &size, f) > 0) {
		line[strcspn(line, "\n")] = '\0';
		name = strtok(line, " ");
		hex = strtok(NULL, " ");
		if (!name || !hex)
			errx(2, "%s: not NAME HEX", file);
		add(name, hex);
	}
	free(line);
	fclose(f);
	if (!count)
		errx(2, "%s: no needle", file);
	qsort(needles, count, sizeof(*needles), by_head);
}

static struct needle *first_with(uint64_t head)
{
	size_t low = 0, high = count, middle;

	while (low < high) {
		middle = (low + high) / 2;
		if (needles[middle].head < head)
			low = middle + 1;
		else
			high = middle;
	}
	return needles + low;
}

static void look(const char *file, const unsigned char *start,
		 const unsigned char *at, size_t left)
{
	uint64_t head = head_at(at);
	struct needle *n;

	for (n = first_with(head); n < needles + count && n->head == head; n++)
		if (n->len <= left && !memcmp(n->bytes, at, n->len) &&
		    n->hits++ < SHOWN)
			printf("%s %s 0x%zx\n", n->name, file, at - start);
}

/* Most of a memory that was just started. */
static bool zeros(const unsigned char *p, size_t left)
{
	return left >= BLOCK && !*p && !memcmp(p, p + 1, BLOCK - 1);
}

static void search(const char *file, const unsigned char *p, size_t size)
{
	size_t at = 0;
	unsigned int h;

	while (at + LEAST <= size) {
		/* A needle may begin with zeros, and in the block. */
		if (at % BLOCK == 0 && zeros(p + at, size - at))
			at += BLOCK - LEAST + 1;
		h = hash(head_at(p + at));
		if (map[h / 8] & 1 << h % 8)
			look(file, p, p + at, size - at);
		at++;
	}
}

static void search_file(const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	struct stat st;
	size_t i;
	void *p;

	if (fd < 0 || fstat(fd, &st))
		err(2, "%s", file);
	if (st.st_size < LEAST)
		errx(2, "%s is too short", file);
	p = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd,
		 0);
	if (p == MAP_FAILED)
		err(2, "%s", file);
	for (i = 0; i < count; i++)
		needles[i].hits = 0;
	search(strrchr(file, '/') ? strrchr(file, '/') + 1 : file, p,
	       st.st_size);
	munmap(p, st.st_size);
	close(fd);
}

int main(int argc, char **argv)
{
	int i;

	if (argc < 3)
		errx(2, "ramscan NEEDLES FILE...");
	read_needles(argv[1]);
	for (i = 2; i < argc; i++)
		search_file(argv[i]);
	return 0;
}
