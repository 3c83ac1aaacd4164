// SPDX-License-Identifier: GPL-2.0
/*
 * A header that a process of its own reads is the one that a read here gives;
 * a process that takes its time, or ends without a word, is no header.
 */
#include "volume.h"

#include <dirent.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "clock.h"
#include "header-load.h"

#define MSEC	1000ULL

static sd_event *event;

/* What a load came to. */
struct got {
	unsigned int times;
	struct cmk_header *header;
	struct cmk_error e;
};

static void on_loaded(struct cmk_header *h, const struct cmk_error *e,
		      void *userdata)
{
	struct got *g = userdata;

	g->times++;
	g->header = h;
	if (e)
		g->e = *e;
}

static const char *path_of(int fd)
{
	static char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", getpid(), fd);
	return path;
}

static struct cmk_header_load *start(const char *path, struct got *g)
{
	struct cmk_header_load *l;

	memset(g, 0, sizeof(*g));
	assert_int_equal(cmk_header_load_start(&l, event, path, on_loaded, g,
					       NULL), 0);
	return l;
}

static void load(const char *path, struct got *g)
{
	uint64_t end = cmk_boottime() + 20000 * MSEC;

	start(path, g);
	while (!g->times && cmk_boottime() < end)
		assert_true(sd_event_run(event, 10 * MSEC) >= 0);
	assert_int_equal(g->times, 1);
}

static int make_header(enum cmk_format_wrap wrap, unsigned int bad)
{
	__cmk_header struct cmk_header *h = NULL;
	__volume struct volume v;
	int fd = make_disk((24 + RANGES) * MIB);

	volume_init(&v, 1);
	h = volume_header(&v, wrap);
	assert_int_equal(cmk_header_write(h, fd, &v.hk, NULL), 0);
	if (bad & CMK_COPY_A)
		assert_int_equal(pwrite(fd, "junk", 4, 700), 4);
	if (bad & CMK_COPY_B)
		assert_int_equal(pwrite(fd, "junk", 4, 12 * MIB + 700), 4);
	return fd;
}

static void assert_as_read_here(enum cmk_format_wrap wrap, unsigned int bad)
{
	__cmk_header struct cmk_header *here = NULL;
	int fd = make_header(wrap, bad);
	struct got g;

	assert_int_equal(cmk_header_read(&here, fd, NULL), 0);
	load(path_of(fd), &g);
	assert_non_null(g.header);
	assert_true(cmk_header_same(g.header, here));
	assert_int_equal(g.header->valid, here->valid);
	assert_int_equal(g.header->foreign, here->foreign);
	assert_int_equal(g.header->newest, here->newest);
	assert_int_equal(g.header->io_size, here->io_size);
	assert_false(g.header->changed);
	cmk_header_free(g.header);
	close(fd);
}

static void it_is_the_header_that_is_there(void **state)
{
	assert_as_read_here(CMK_FORMAT_WRAP_HK, 0);
	assert_as_read_here(CMK_FORMAT_WRAP_DIRECT, 0);
	assert_as_read_here(CMK_FORMAT_WRAP_HK, CMK_COPY_A);
	assert_as_read_here(CMK_FORMAT_WRAP_DIRECT, CMK_COPY_B);
}

static void assert_refused(const char *path, const char *code,
			   const char *text)
{
	struct got g;

	load(path, &g);
	assert_null(g.header);
	assert_string_equal(g.e.code, code);
	assert_non_null(strstr(g.e.text, text));
}

static void what_is_none_is_told_as_by_a_read_here(void **state)
{
	int fd = make_disk(16 * MIB);

	assert_refused(path_of(fd), "no-header", "no cmk header");
	close(fd);
	fd = make_header(CMK_FORMAT_WRAP_HK, CMK_BOTH_COPIES);
	assert_refused(path_of(fd), "header-damaged", "both copies");
	close(fd);
	assert_refused("/dev/null", "header-open", "/dev/null");
	assert_refused("/nowhere", "header-open", "No such file");
}

/* The image, or all of it, cannot be handed over. */
static void a_process_that_fails_is_no_header(void **state)
{
	const struct rlimit none = { 0, RLIM_INFINITY };
	const struct rlimit some = { 4096, RLIM_INFINITY };
	struct rlimit before;
	int fd = make_header(CMK_FORMAT_WRAP_HK, 0);

	getrlimit(RLIMIT_FSIZE, &before);
	setrlimit(RLIMIT_FSIZE, &none);
	assert_refused(path_of(fd), "header-reader", "without a word");
	setrlimit(RLIMIT_FSIZE, &some);
	assert_refused(path_of(fd), "header-reader", "without a word");
	setrlimit(RLIMIT_FSIZE, &before);
	close(fd);
}

/* As with a disk that takes its time: the lock is somebody else's. */
static int make_slow(int *ret_lock)
{
	int fd = make_header(CMK_FORMAT_WRAP_HK, 0);

	*ret_lock = open(path_of(fd), O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(*ret_lock, LOCK_EX), 0);
	return fd;
}

static void who_waits_waits_no_longer_than_he_will(void **state)
{
	struct cmk_header_load *l;
	struct got g;
	int lock, fd = make_slow(&lock);

	l = start(path_of(fd), &g);
	assert_false(cmk_header_load_wait(l, cmk_boottime() + 50 * MSEC));
	assert_false(cmk_header_load_wait(l, 0));
	assert_int_equal(g.times, 0);
	close(lock);
	assert_true(cmk_header_load_wait(l, cmk_boottime() + 20000 * MSEC));
	assert_int_equal(g.times, 1);
	assert_non_null(g.header);
	cmk_header_free(g.header);
	close(fd);
}

static bool has_child(void)
{
	siginfo_t si;

	return !waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT);
}

static unsigned int open_files(void)
{
	unsigned int n = 0;
	DIR *dir = opendir("/proc/self/fd");

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* Of the last process that was started: stopped, it would stay for ever. */
static pid_t stop_child(void)
{
	char command[64];
	int pid = 0;
	FILE *p;

	snprintf(command, sizeof(command), "exec pgrep -P %d -f read-header",
		 getpid());
	p = popen(command, "r");
	assert_non_null(p);
	assert_int_equal(fscanf(p, "%d", &pid), 1);
	pclose(p);
	assert_int_equal(kill(pid, SIGSTOP), 0);
	return pid;
}

static void who_does_not_want_it_any_more_is_not_told(void **state)
{
	uint64_t end = cmk_boottime() + 20000 * MSEC;
	unsigned int files = open_files();
	int lock, fd = make_slow(&lock);
	struct cmk_header_load *l;
	struct got g;
	pid_t pid;
	bool left;

	cmk_header_load_cancel(NULL);
	l = start(path_of(fd), &g);
	pid = stop_child();
	cmk_header_load_cancel(l);
	/* Until no child is left, not even a dead one. */
	while (has_child() && cmk_boottime() < end)
		assert_true(sd_event_run(event, 10 * MSEC) >= 0);
	left = has_child();
	if (left)
		kill(pid, SIGKILL);
	assert_false(left);
	assert_int_equal(g.times, 0);
	close(lock);
	close(fd);
	assert_int_equal(open_files(), files);
}

/* The last reference to the loop is what such a load has left. */
static void a_loop_that_ends_keeps_nothing(void **state)
{
	int lock, fd = make_slow(&lock);
	unsigned int files = open_files();
	struct got g;

	cmk_header_load_cancel(start(path_of(fd), &g));
	assert_int_equal(open_files(), files + 2);
	sd_event_unref(event);
	assert_int_equal(sd_event_new(&event), 0);
	assert_int_equal(open_files(), files);
	close(lock);
	close(fd);
	assert_true(wait(NULL) > 0);
	assert_false(has_child());
}

/* There is a descriptor for its memory, but none to wait with. */
static void a_process_that_nobody_can_wait_for_is_none(void **state)
{
	int fd = make_header(CMK_FORMAT_WRAP_HK, 0);
	struct cmk_header_load *l;
	struct rlimit before, few;
	struct cmk_error e;
	struct got g;
	int r, free;

	free = dup(fd);
	close(free);
	getrlimit(RLIMIT_NOFILE, &before);
	few = before;
	few.rlim_cur = free + 1;
	setrlimit(RLIMIT_NOFILE, &few);
	memset(&g, 0, sizeof(g));
	r = cmk_header_load_start(&l, event, "/nowhere", on_loaded, &g, &e);
	setrlimit(RLIMIT_NOFILE, &before);
	assert_int_equal(r, -EMFILE);
	assert_string_equal(e.code, "header-reader");
	assert_int_equal(g.times, 0);
	while (has_child())
		waitid(P_ALL, 0, NULL, WEXITED);
	close(fd);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_the_header_that_is_there),
		cmocka_unit_test(what_is_none_is_told_as_by_a_read_here),
		cmocka_unit_test(a_process_that_fails_is_no_header),
		cmocka_unit_test(who_waits_waits_no_longer_than_he_will),
		cmocka_unit_test(who_does_not_want_it_any_more_is_not_told),
		cmocka_unit_test(a_loop_that_ends_keeps_nothing),
		cmocka_unit_test(a_process_that_nobody_can_wait_for_is_none),
	};

	/* It is this program that is started. */
	if (argc == 3 && !strcmp(argv[1], CMK_HEADER_LOAD_OPTION))
		return cmk_header_load_main(argv[2]);
	assert_int_equal(sd_event_new(&event), 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
