// SPDX-License-Identifier: GPL-2.0
/*
 * What happens to a question that cannot even be asked: here because the key's
 * host is none that may be sent a token.
 */
#include "volume.h"

#include "clock.h"
#include "probe.h"

#define SEC	1000000ULL

/* A volume as far as the prober knows it. */
struct user {
	struct cmk_probe_user probe;
	unsigned int answers, attributes;
	enum cmk_answer answer;
	struct cmk_error error;
	bool leaves;
};

static sd_event *event;
static struct cmk_prober *prober;
static struct cmk_kek_set *set;
static struct cmk_header *header;
static struct user a, b;

static void take(struct user *u, const struct cmk_kek_result *res)
{
	u->answer = res->answer;
	u->error = res->error;
	if (u->leaves)
		cmk_probe_leave(&u->probe);
}

static void on_answer(struct cmk_probe_user *p,
		      const struct cmk_kek_result *res, uint64_t started)
{
	struct user *u = (struct user *)p;

	assert_in_range(started, p->probe_at, cmk_boottime());
	u->answers++;
	p->probe_at = cmk_boottime() + 60 * SEC;
	take(u, res);
}

static void on_attributes(struct cmk_probe_user *p,
			  const struct cmk_kek_result *res)
{
	struct user *u = (struct user *)p;

	u->attributes++;
	p->get_at = cmk_boottime() + 60 * SEC;
	take(u, res);
}

static void join(struct user *u, uint64_t probe_at, uint64_t get_at)
{
	*u = (struct user){ .probe = {
		.header = header, .probe_at = probe_at, .get_at = get_at,
		.answer = on_answer, .attributes = on_attributes,
	} };
	assert_int_equal(cmk_probe_join(prober, &u->probe), 0);
}

/* More often than is needed: nobody is asked in a circle. */
static void turn(void)
{
	unsigned int i;

	for (i = 0; i < 8; i++)
		assert_true(sd_event_run(event, SEC / 50) >= 0);
}

static int set_up(void **state)
{
	static const struct cmk_kek_settings settings = {
		.auth = "managed-identity", .api_version = "7.4",
		.request_timeout = 5 * SEC, .connect_timeout = 3 * SEC,
		.max_concurrent = 8, .service_kek = "file:/nonexistent",
	};
	struct volume v;

	volume_init(&v, 1);
	header = volume_header(&v, CMK_FORMAT_WRAP_HK);
	volume_wipe(&v);
	assert_true(sd_event_new(&event) >= 0);
	assert_int_equal(cmk_kek_set_new(&set, event, &settings, NULL), 0);
	return 0;
}

static int tear_down(void **state)
{
	cmk_kek_set_free(set);
	cmk_header_free(header);
	sd_event_unref(event);
	return 0;
}

static int begin(void **state)
{
	assert_int_equal(cmk_prober_new(&prober, event), 0);
	cmk_prober_set_keks(prober, set);
	return 0;
}

/* Those that are still there leave. */
static int end(void **state)
{
	cmk_prober_free(prober);
	return 0;
}

static void an_unwrap_that_cannot_be_sent_is_no_verdict(void **state)
{
	join(&a, cmk_boottime(), UINT64_MAX);
	join(&b, cmk_boottime(), UINT64_MAX);
	assert_int_equal(a.answers + b.answers, 0);
	turn();
	assert_int_equal(a.answers, 1);
	assert_int_equal(a.answer, CMK_UNKNOWN);
	assert_string_equal(a.error.code, "kek-host");
	assert_non_null(strstr(a.error.text, VOLUME_KID));
	assert_int_equal(b.answers, 1);
	assert_int_equal(b.answer, CMK_UNKNOWN);
	assert_int_equal(a.attributes + b.attributes, 0);
}

static void a_get_that_cannot_be_sent_is_silence(void **state)
{
	join(&a, cmk_boottime(), cmk_boottime());
	turn();
	assert_int_equal(a.answers, 1);
	assert_int_equal(a.attributes, 1);
	assert_int_equal(a.answer, CMK_UNKNOWN);
	assert_string_equal(a.error.code, "kek-host");
}

static void a_wrap_that_is_gone_is_named(void **state)
{
	join(&a, cmk_boottime(), UINT64_MAX);
	a.probe.kek = 1;
	turn();
	assert_int_equal(a.answers, 1);
	assert_int_equal(a.answer, CMK_UNKNOWN);
	assert_non_null(strstr(a.error.text, VOLUME_KID));
}

static void who_hears_of_it_may_leave(void **state)
{
	join(&a, cmk_boottime(), cmk_boottime());
	a.leaves = true;
	turn();
	assert_int_equal(a.answers, 1);
	assert_int_equal(a.attributes, 0);
}

#define TEST(name)	cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_unwrap_that_cannot_be_sent_is_no_verdict),
		TEST(a_get_that_cannot_be_sent_is_silence),
		TEST(a_wrap_that_is_gone_is_named),
		TEST(who_hears_of_it_may_leave),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
