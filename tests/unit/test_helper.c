// SPDX-License-Identifier: GPL-2.0
/*
 * What the agent asks of cmk-helper.socket is asked until it is answered: a
 * connection that was taken and closed, or not taken at all, is no answer.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <cmocka.h>

#include "audit.h"
#include "helper.h"
#include "private-mounts.h"

#define SOCKET	"/run/cmk-helper.sock"
#define MSEC	1000ULL

static const unsigned char uuid[16] = { 1 };
static const char request[] =
	"{\"method\":\"Purge\",\"uuid\":\"01000000-0000-0000-0000-000000000000\"}\n";
static struct cmk_agent agent;
static bool ready, reason;
static unsigned int told;
static int listener = -1;

void cmk_audit_log(struct cmk_audit *a, int priority, const char *fmt, ...)
{
	told++;
}

static bool wanted(const struct cmk_agent *a, const unsigned char id[16])
{
	return reason && a == &agent && !memcmp(id, uuid, 16);
}

static void serve(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX, .sun_path = SOCKET };

	unlink(SOCKET);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(listener, (void *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(listener, 0), 0);
}

/* Return: a connection that comes in this time, with its request, or -1. */
static int connection(uint64_t ms)
{
	uint64_t end = cmk_boottime() + ms * MSEC;
	char text[256] = "";
	int fd = -1;

	while (fd < 0 && cmk_boottime() < end) {
		assert_true(sd_event_run(agent.event, 10 * MSEC) >= 0);
		fd = accept(listener, NULL, NULL);
	}
	if (fd >= 0) {
		assert_true(read(fd, text, sizeof(text) - 1) > 0);
		assert_string_equal(text, request);
	}
	return fd;
}

static void run_for(uint64_t ms)
{
	assert_int_equal(connection(ms), -1);
}

static int set_up(void **unused)
{
	ready = private_mounts() && private_folder("/run");
	return sd_event_new(&agent.event) < 0;
}

static int tear_down(void **unused)
{
	sd_event_unref(agent.event);
	return 0;
}

static int begin(void **unused)
{
	reason = true;
	told = 0;
	if (ready)
		serve();
	return 0;
}

static int end(void **unused)
{
	cmk_helper_end(&agent);
	close(listener);
	return 0;
}

static void ask(void)
{
	if (!ready)
		skip();
	cmk_helper_ask(&agent, "Purge", uuid, wanted);
}

static void an_answer_ends_it(void **unused)
{
	char c;
	int fd;

	ask();
	fd = connection(1000);
	assert_true(fd >= 0);
	/* It takes its time, and nobody asks again meanwhile. */
	run_for(1200);
	assert_int_equal(write(fd, "{\"status\":7}\n", 13), 13);
	run_for(100);
	assert_int_equal(read(fd, &c, 1), 0);
	assert_null(agent.calls);
	assert_int_equal(told, 0);
	close(fd);
}

static void without_an_answer_it_is_asked_again(void **unused)
{
	ask();
	close(connection(1000));
	run_for(500);
	close(connection(1500));
	/* Not for ever as fast. */
	run_for(1500);
	assert_int_equal(told, 1);
}

static void a_helper_that_comes_late_is_asked(void **unused)
{
	int fd;

	close(listener);
	ask();
	assert_int_equal(told, 1);
	serve();
	fd = connection(2000);
	assert_true(fd >= 0);
	close(fd);
}

static void where_the_reason_has_gone_it_is_asked_no_more(void **unused)
{
	ask();
	reason = false;
	close(connection(1000));
	run_for(1200);
	assert_null(agent.calls);
}

static void a_full_queue_is_waited_for_by_nobody(void **unused)
{
	static const unsigned char other[16] = { 2 };
	int fd;

	if (!ready)
		skip();
	cmk_helper_ask(&agent, "Purge", other, NULL);
	ask();
	assert_int_equal(told, 1);
	close(accept(listener, NULL, NULL));
	fd = connection(2000);
	assert_true(fd >= 0);
	close(fd);
}

static void the_same_anew_takes_its_place(void **unused)
{
	int first, second;

	ask();
	first = connection(1000);
	ask();
	second = connection(1000);
	assert_true(first >= 0 && second >= 0);
	close(first);
	run_for(1200);
	close(second);
	assert_int_equal(told, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_answer_ends_it),
		TEST(without_an_answer_it_is_asked_again),
		TEST(a_helper_that_comes_late_is_asked),
		TEST(where_the_reason_has_gone_it_is_asked_no_more),
		TEST(a_full_queue_is_waited_for_by_nobody),
		TEST(the_same_anew_takes_its_place),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
