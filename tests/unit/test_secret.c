// SPDX-License-Identifier: GPL-2.0
/*
 * What a secret's memory is, and that nothing of it is left: the process
 * searches its own memory, and finds what it should find.
 */
#include "hex.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto.h"
#include "fixed-key.h"
#include "secret.h"

#define NEEDLE_BYTES	24
#define WINDOW		(1 << 20)

/*
 * The pattern is never in memory as it is: both the search and the writer
 * compute it.  A needle of zeros would be found everywhere.
 */
#define PRIME_BIG_ENDIAN	100
#define PRIME_LITTLE_ENDIAN	101

static unsigned char needle_byte(unsigned int seed, size_t n)
{
	/* 24 bytes of a prime of the fixed RSA key, each XOR 0x5a */
	static const unsigned char masked[NEEDLE_BYTES] = {
		0x65, 0xb4, 0xc8, 0x9c, 0x6e, 0x5e, 0xe2, 0x0d,
		0x7c, 0x57, 0x5f, 0x4c, 0xaf, 0x0b, 0x20, 0x08,
		0x3f, 0xb4, 0x4f, 0xfd, 0xf2, 0xb8, 0x45, 0xef,
	};

	if (seed == PRIME_BIG_ENDIAN)
		return masked[n] ^ 0x5a;
	if (seed == PRIME_LITTLE_ENDIAN)
		return masked[NEEDLE_BYTES - 1 - n] ^ 0x5a;
	return (n + 1) * 37 + seed * 101 + (n * n >> 1);
}

static void write_needle(unsigned char *p, unsigned int seed)
{
	size_t n;

	for (n = 0; n < NEEDLE_BYTES; n++)
		p[n] = needle_byte(seed, n);
}

static size_t count_in(const unsigned char *p, size_t len, unsigned int seed)
{
	size_t found = 0, i, n;

	for (i = 0; i + NEEDLE_BYTES <= len; i++) {
		for (n = 0; n < NEEDLE_BYTES; n++)
			if (p[i + n] != needle_byte(seed, n))
				break;
		found += n == NEEDLE_BYTES;
	}
	return found;
}

/* Not of the window, which would find what it has read. */
static size_t search_mapping(int mem, unsigned long from, unsigned long to,
			     unsigned char *window, unsigned int seed)
{
	size_t found = 0;
	unsigned long at;
	ssize_t n;

	if (from <= (unsigned long)window && (unsigned long)window < to)
		return 0;
	for (at = from; at < to; at += WINDOW - NEEDLE_BYTES + 1) {
		n = pread(mem, window, to - at < WINDOW ? to - at : WINDOW,
			  at);
		if (n > 0)
			found += count_in(window, n, seed);
		memset(window, 0, WINDOW);
	}
	return found;
}

/* How often is the needle in this process's memory? */
static size_t search_memory(unsigned int seed)
{
	unsigned char *window = mmap(NULL, WINDOW, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	FILE *maps = fopen("/proc/self/maps", "r");
	int mem = open("/proc/self/mem", O_RDONLY);
	unsigned long from, to;
	size_t found = 0;
	char line[512], mode[8];

	assert_non_null(maps);
	assert_true(mem >= 0);
	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) != 3 ||
		    mode[0] != 'r' || strstr(line, "[v"))
			continue;
		found += search_mapping(mem, from, to, window, seed);
	}
	fclose(maps);
	close(mem);
	munmap(window, WINDOW);
	return found;
}

static void the_search_finds_what_is_there(void **state)
{
	unsigned char *heap = malloc(5000);
	unsigned char stack[NEEDLE_BYTES];

	assert_int_equal(search_memory(1), 0);
	write_needle(heap + 4000, 1);
	assert_int_equal(search_memory(1), 1);
	write_needle(stack, 1);
	assert_int_equal(search_memory(1), 2);
	cmk_wipe(stack, sizeof(stack));
	assert_int_equal(search_memory(1), 1);
	/* what happens to what is freed without a wipe, as a control */
	free(heap);
	assert_int_equal(search_memory(1), 1);
	heap = malloc(5000);
	memset(heap, 0, 5000);
	free(heap);
}

static void a_wiped_secret_is_gone(void **state)
{
	static const size_t sizes[] = { 48, 64, 96, 128, 1000, 4096, 4097,
					200000 };
	struct cmk_secret s = CMK_SECRET_INIT;
	size_t n;

	for (n = 0; n < sizeof(sizes) / sizeof(*sizes); n++) {
		assert_int_equal(cmk_secret_alloc(&s, sizes[n]), 0);
		write_needle(s.data, 2);
		write_needle(s.data + sizes[n] - NEEDLE_BYTES, 3);
		assert_int_equal(search_memory(2), 1);
		assert_int_equal(search_memory(3), 1);
		cmk_secret_wipe(&s);
		assert_null(s.data);
		assert_int_equal(s.len, 0);
		assert_int_equal(search_memory(2), 0);
		assert_int_equal(search_memory(3), 0);
	}
}

/* Its owner may have made it shorter; the rest is wiped all the same. */
static void a_shortened_secret_is_gone_too(void **state)
{
	struct cmk_secret s = CMK_SECRET_INIT;

	assert_int_equal(cmk_secret_alloc(&s, 512), 0);
	write_needle(s.data + 300, 4);
	s.len = 10;
	cmk_secret_wipe(&s);
	assert_int_equal(search_memory(4), 0);
}

static void the_scope_ends_a_secret(void **state)
{
	{
		__cmk_secret struct cmk_secret s = CMK_SECRET_INIT;

		assert_int_equal(cmk_secret_alloc(&s, 64), 0);
		write_needle(s.data, 5);
		assert_int_equal(search_memory(5), 1);
	}
	assert_int_equal(search_memory(5), 0);
}

static void a_move_leaves_one_owner(void **state)
{
	struct cmk_secret a = CMK_SECRET_INIT, b = CMK_SECRET_INIT;

	assert_int_equal(cmk_secret_alloc(&a, 64), 0);
	assert_int_equal(cmk_secret_alloc(&b, 64), 0);
	write_needle(a.data, 6);
	write_needle(b.data, 7);
	cmk_secret_move(&b, &a);
	assert_null(a.data);
	assert_int_equal(b.len, 64);
	assert_int_equal(search_memory(6), 1);
	assert_int_equal(search_memory(7), 0);
	cmk_secret_move(&b, &b);
	assert_int_equal(search_memory(6), 1);
	cmk_secret_wipe(&b);
	cmk_secret_wipe(&b);
	assert_int_equal(search_memory(6), 0);
}

static void a_new_secret_is_zero(void **state)
{
	static const unsigned char zero[64];
	struct cmk_secret s = CMK_SECRET_INIT;

	assert_int_equal(cmk_secret_random(&s, 64), 0);
	assert_memory_not_equal(s.data, zero, 64);
	assert_int_equal(cmk_secret_alloc(&s, 64), 0);
	assert_memory_equal(s.data, zero, 64);
	cmk_secret_wipe(&s);
	assert_int_equal(cmk_secret_alloc(&s, 0), -EINVAL);
	assert_int_equal(cmk_secret_alloc(&s, SIZE_MAX), -EINVAL);
	assert_null(s.data);
}

/* -- the mapping -- */

/* The VmFlags line of the mapping that holds @p. */
static void flags_of(const void *p, char *ret, size_t size)
{
	FILE *smaps = fopen("/proc/self/smaps", "r");
	unsigned long from, to;
	bool inside = false;
	char line[512];

	ret[0] = '\0';
	assert_non_null(smaps);
	while (fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			inside = from <= (unsigned long)p &&
				 (unsigned long)p < to;
		else if (inside && !strncmp(line, "VmFlags:", 8))
			snprintf(ret, size, "%s", line + 8);
	}
	fclose(smaps);
}

static void the_memory_is_locked_not_dumped_and_wiped_on_fork(void **state)
{
	__cmk_secret struct cmk_secret small = CMK_SECRET_INIT;
	__cmk_secret struct cmk_secret large = CMK_SECRET_INIT;
	char flags[512], *heap = malloc(1);

	assert_int_equal(cmk_secret_alloc(&small, 32), 0);
	assert_int_equal(cmk_secret_alloc(&large, 100000), 0);
	flags_of(small.data, flags, sizeof(flags));
	assert_non_null(strstr(flags, " lo "));
	assert_non_null(strstr(flags, " dd "));
	assert_non_null(strstr(flags, " wf "));
	flags_of(large.data + 99999, flags, sizeof(flags));
	assert_non_null(strstr(flags, " lo "));
	assert_non_null(strstr(flags, " dd "));
	assert_non_null(strstr(flags, " wf "));
	/* and ordinary memory is not */
	flags_of(heap, flags, sizeof(flags));
	assert_null(strstr(flags, " lo "));
	assert_null(strstr(flags, " dd "));
	free(heap);
}

static int in_child(int (*f)(struct cmk_secret *s), struct cmk_secret *s)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		signal(SIGSEGV, SIG_DFL);	/* cmocka's would go on */
		signal(SIGABRT, SIG_DFL);
		_exit(f(s));
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

/* The parent's secret is zero here, may be wiped, and new ones are locked. */
static int look_around(struct cmk_secret *s)
{
	static const unsigned char zero[64];
	struct cmk_secret own = CMK_SECRET_INIT;
	char flags[512];

	if (memcmp(s->data, zero, 64))
		return 1;
	if (cmk_secret_alloc(&own, 64))
		return 2;
	flags_of(own.data, flags, sizeof(flags));
	if (!strstr(flags, " lo "))
		return 3;
	cmk_secret_wipe(s);
	cmk_secret_wipe(&own);
	return 0;
}

static void a_child_gets_nothing(void **state)
{
	__cmk_secret struct cmk_secret s = CMK_SECRET_INIT;

	assert_int_equal(cmk_secret_alloc(&s, 64), 0);
	write_needle(s.data, 8);
	assert_int_equal(in_child(look_around, &s), 0);
	assert_int_equal(search_memory(8), 1);
}

static int write_before(struct cmk_secret *s)
{
	*(volatile unsigned char *)(s->data - 1) = 1;
	return 0;
}

static int write_behind(struct cmk_secret *s)
{
	*(volatile unsigned char *)(s->data + 8192) = 1;
	return 0;
}

static int wipe_twice(struct cmk_secret *s)
{
	struct cmk_secret copy = *s;

	cmk_secret_wipe(s);
	cmk_secret_wipe(&copy);
	return 0;
}

static void guard_pages_and_double_wipes_end_the_process(void **state)
{
	__cmk_secret struct cmk_secret s = CMK_SECRET_INIT;

	assert_int_equal(cmk_secret_alloc(&s, 8192), 0);
	assert_int_equal(in_child(write_before, &s), -SIGSEGV);
	assert_int_equal(in_child(write_behind, &s), -SIGSEGV);
	assert_int_equal(in_child(wipe_twice, &s), -SIGABRT);
}

/* Without root's right to lock without limit. */
static int exhaust(struct cmk_secret *unused)
{
	const struct rlimit none = { 0, 0 };
	struct cmk_secret s = CMK_SECRET_INIT;
	int r;

	if (setrlimit(RLIMIT_MEMLOCK, &none) || setuid(65534))
		return 1;
	r = cmk_secret_alloc(&s, 3000);
	return r == -ENOMEM && !s.data ? 0 : 2;
}

static void memory_that_cannot_be_locked_is_not_handed_out(void **state)
{
	if (geteuid())
		skip();
	assert_int_equal(in_child(exhaust, NULL), 0);
}

/* -- many -- */

#define MANY	65536

static void the_keys_of_the_largest_volume_fit(void **state)
{
	struct cmk_secret *s = calloc(MANY, sizeof(*s));
	unsigned int n, k;

	for (n = 0; n < MANY; n++) {
		assert_int_equal(cmk_secret_alloc(&s[n], 64), 0);
		memset(s[n].data, n * 7, 64);
		memcpy(s[n].data, &n, sizeof(n));
	}
	/* every third goes and comes back elsewhere */
	for (n = 0; n < MANY; n += 3)
		cmk_secret_wipe(&s[n]);
	for (n = 0; n < MANY; n += 3) {
		assert_int_equal(cmk_secret_alloc(&s[n], 64), 0);
		memset(s[n].data, n * 7, 64);
		memcpy(s[n].data, &n, sizeof(n));
	}
	for (n = 0; n < MANY; n++) {
		memcpy(&k, s[n].data, sizeof(k));
		assert_int_equal(k, n);
		for (k = sizeof(k); k < 64; k++)
			assert_true(s[n].data[k] == (unsigned char)(n * 7));
		cmk_secret_wipe(&s[n]);
	}
	free(s);
}

/* -- what cryptography leaves behind -- */

/* A key that went through HMAC, HKDF, GCM and RSA is in no other memory. */
static void cryptography_keeps_no_copy(void **state)
{
	const struct cmk_bytes none = { NULL, 0 }, text = { "text", 4 };
	struct cmk_secret key = CMK_SECRET_INIT, out = CMK_SECRET_INIT;
	unsigned char buf[64], tag[16], nonce[12], blob[CMK_RSA_BLOB_MAX];
	__cmk_rsa struct cmk_rsa *rsa = NULL;
	struct cmk_bytes cipher = { buf, 32 };
	size_t len;

	assert_int_equal(cmk_rsa_generate(&rsa, 2048, NULL, NULL), 0);
	assert_int_equal(cmk_secret_alloc(&key, 32), 0);
	write_needle(key.data, 9);
	assert_int_equal(cmk_hmac_sha256v(&key, &text, 1, buf), 0);
	assert_int_equal(cmk_hkdf_sha256(&key, none, text, 32, &out), 0);
	assert_int_equal(cmk_gcm_seal(&key, text, &key, nonce, buf, tag), 0);
	assert_int_equal(cmk_gcm_open(&key, text, nonce, cipher, tag, &out),
			 0);
	assert_int_equal(cmk_rsa_wrap(rsa, &key, blob, &len, NULL), 0);
	assert_int_equal(search_memory(9), 2);
	cmk_secret_wipe(&out);
	assert_int_equal(cmk_rsa_unwrap(rsa, blob, len, &out, NULL), 0);
	assert_int_equal(search_memory(9), 2);
	cmk_secret_wipe(&key);
	cmk_secret_wipe(&out);
	assert_int_equal(search_memory(9), 0);
}

/* Neither the file's text nor numbers of it stay when a key is freed. */
static void a_freed_private_key_is_gone(void **state)
{
	char path[] = "/tmp/test_secret.XXXXXX";
	int fd = mkstemp(path);
	struct cmk_rsa *key = NULL;

	assert_int_equal(write(fd, FIXED_PEM, sizeof(FIXED_PEM) - 1),
			 sizeof(FIXED_PEM) - 1);
	close(fd);
	assert_int_equal(cmk_rsa_load_pem(&key, path, NULL), 0);
	unlink(path);
	/* a number of OpenSSL's has its low word first */
	assert_true(search_memory(PRIME_LITTLE_ENDIAN) > 0);
	assert_int_equal(search_memory(PRIME_BIG_ENDIAN), 0);
	cmk_rsa_free(key);
	assert_int_equal(search_memory(PRIME_LITTLE_ENDIAN), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_search_finds_what_is_there),
		cmocka_unit_test(a_wiped_secret_is_gone),
		cmocka_unit_test(a_shortened_secret_is_gone_too),
		cmocka_unit_test(the_scope_ends_a_secret),
		cmocka_unit_test(a_move_leaves_one_owner),
		cmocka_unit_test(a_new_secret_is_zero),
		cmocka_unit_test(
			the_memory_is_locked_not_dumped_and_wiped_on_fork),
		cmocka_unit_test(a_child_gets_nothing),
		cmocka_unit_test(guard_pages_and_double_wipes_end_the_process),
		cmocka_unit_test(
			memory_that_cannot_be_locked_is_not_handed_out),
		cmocka_unit_test(the_keys_of_the_largest_volume_fit),
		cmocka_unit_test(cryptography_keeps_no_copy),
		cmocka_unit_test(a_freed_private_key_is_gone),
	};

	if (cmk_crypto_init())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
