// SPDX-License-Identifier: GPL-2.0
/*
 * Looks through the whole memory of this process for what an operation may
 * have left behind: the key that was wrapped and unwrapped, its base64url
 * form, and tokens.  Prints one line for each place searched for; "control"
 * counts a planted copy and must be 1.
 */
#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base64url.h"
#include "kek-tool.h"

#define KEY_LEN		64
#define B64_LEN		CMK_BASE64URL_LEN(KEY_LEN)
#define MASK		0xa5
#define WINDOW		(1 << 20)
#define OVERLAP		4096

/**
 * struct needles - what is searched for; masked, or it would be found here
 * @key: only its first half, so that a cut copy is found too
 */
struct needles {
	unsigned char key[KEY_LEN / 2];
	unsigned char text[B64_LEN / 2];
};

struct hits {
	int key, text, token;
};

static bool is_at(const unsigned char *p, const unsigned char *masked,
		  size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if ((p[i] ^ MASK) != masked[i])
			return false;
	return true;
}

/* A JWT's head begins with {"; that and a dot after it is no accident. */
static bool is_token_at(const unsigned char *p, const unsigned char *end)
{
	size_t n;

	if (p[0] != 'e' || p[1] != 'y' || p[2] != 'J')
		return false;
	for (n = 3; p + n < end && n < 400; n++) {
		if (p[n] == '.')
			return n > 12;
		if (!isalnum(p[n]) && p[n] != '_' && p[n] != '-')
			return false;
	}
	return false;
}

static void search(const unsigned char *p, size_t len, size_t whole,
		   const struct needles *n, struct hits *h, bool tokens)
{
	size_t i;

	for (i = 0; i < len && i + 64 < whole; i++) {
		h->key += is_at(p + i, n->key, sizeof(n->key));
		h->text += is_at(p + i, n->text, sizeof(n->text));
		if (tokens)
			h->token += is_token_at(p + i, p + whole);
	}
}

static void search_mapping(int mem, unsigned long from, unsigned long to,
			   unsigned char *window, const struct needles *n,
			   struct hits *h, bool tokens)
{
	while (from < to) {
		size_t len = to - from < WINDOW ? to - from : WINDOW;
		ssize_t got = pread(mem, window, len, from);

		if (got <= 0)
			return;
		if ((size_t)got == WINDOW && from + WINDOW < to)
			len = WINDOW - OVERLAP;
		else
			len = got;
		search(window, len, got, n, h, tokens);
		from += len;
	}
}

/*
 * @all: also look for tokens in memory that is not dumped, which is where
 * secrets live: a token that is kept for the next operation may be there.
 */
static struct hits scan(const struct needles *n, bool all)
{
	unsigned char *window = mmap(NULL, WINDOW, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int mem = open("/proc/self/mem", O_RDONLY);
	FILE *f = fopen("/proc/self/smaps", "r");
	unsigned long from = 0, to = 0, a, b;
	struct hits h = { 0 };
	char line[512], r = '-';

	while (fgets(line, sizeof(line), f)) {
		char mode;

		if (sscanf(line, "%lx-%lx %c", &a, &b, &mode) == 3) {
			from = a;
			to = b;
			r = mode;
		}
		if (strncmp(line, "VmFlags:", 8) || r != 'r' ||
		    from == (unsigned long)window)
			continue;
		search_mapping(mem, from, to, window, n, &h,
			       all || !strstr(line, " dd"));
	}
	fclose(f);
	close(mem);
	munmap(window, WINDOW);
	return h;
}

static void print(const char *when, struct hits h)
{
	printf("{\"when\":\"%s\",\"key\":%d,\"base64url\":%d,\"token\":%d}\n",
	       when, h.key, h.text, h.token);
	fflush(stdout);
}

static void make_needles(const struct cmk_secret *key, struct needles *n)
{
	char text[B64_LEN + 1];
	size_t i;

	cmk_base64url_encode(key->data, key->len, text);
	for (i = 0; i < sizeof(n->key); i++)
		n->key[i] = key->data[i] ^ MASK;
	for (i = 0; i < sizeof(n->text); i++)
		n->text[i] = text[i] ^ MASK;
	cmk_wipe(text, sizeof(text));
}

/* What a leak would look like: bytes in memory that was freed. */
static void plant(const struct needles *n)
{
	unsigned char *p = malloc(4096);
	volatile unsigned char *v = p + 1000;
	size_t i;

	for (i = 0; i < sizeof(n->key); i++)
		v[i] = n->key[i] ^ MASK;
	for (i = 0; i < sizeof(n->text); i++)
		v[100 + i] = n->text[i] ^ MASK;
	v[200] = 'e';
	v[201] = 'y';
	v[202] = 'J';
	for (i = 203; i < 230; i++)
		v[i] = 'x';
	v[230] = '.';
	free(p);
}

int kek_tool_leaks(struct kek_run *run, char **args, int n)
{
	struct needles needles;
	struct hits before, h;
	int r;

	cmk_secret_wipe(&run->expected);
	if (cmk_secret_random(&run->expected, KEY_LEN))
		return CMK_FAILED;
	make_needles(&run->expected, &needles);
	r = kek_run_wrap(run, args[0], 1);
	if (!r)
		r = kek_run_unwrap(run, run->kid, 3);
	if (r)
		return r;
	cmk_secret_wipe(&run->expected);
	print("connected", scan(&needles, false));
	cmk_kek_set_free(run->set);
	run->set = NULL;
	before = scan(&needles, true);
	print("closed", before);
	plant(&needles);
	h = scan(&needles, true);
	h.key -= before.key;
	h.text -= before.text;
	h.token -= before.token;
	print("control", h);
	return 0;
}
