// SPDX-License-Identifier: GPL-2.0
/*
 * Time spans, percentages and uuids of configuration files.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "span.h"

static void spans_are_read_as_systemd_reads_them(void **unused)
{
	static const struct {
		const char *text;
		int r;
		uint64_t us;
	} cases[] = {
		{ "0", 0, 0 },
		{ "5", 0, 5000000 },
		{ "5s", 0, 5000000 },
		{ " 5 s ", 0, 5000000 },
		{ "500ms", 0, 500000 },
		{ "1.5s", 0, 1500000 },
		{ "0.000001s", 0, 1 },
		{ "10min", 0, 600000000 },
		{ "4h", 0, 14400000000 },
		{ "1h 30min", 0, 5400000000 },
		{ "1h30min", 0, 5400000000 },
		{ "30d", 0, 2592000000000 },
		{ "2weeks", 0, 1209600000000 },
		{ "", -EINVAL, 0 },
		{ "s", -EINVAL, 0 },
		{ "5x", -EINVAL, 0 },
		{ "-5s", -EINVAL, 0 },
		{ "5s # comment", -EINVAL, 0 },
		{ "1.", -EINVAL, 0 },
		{ "5S", -EINVAL, 0 },
		{ "infinity", -EINVAL, 0 },
		{ "101000d", -ERANGE, 0 },
		{ "99999999999999999999999s", -ERANGE, 0 },
		{ "36500d 36500d", -ERANGE, 0 },
	};
	unsigned int i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t us = 0;
		int r = cmk_parse_span(cases[i].text, &us);

		if (r != cases[i].r || (!r && us != cases[i].us))
			fail_msg("'%s': %d, %llu", cases[i].text, r,
				 (unsigned long long)us);
	}
}

static void a_span_survives_being_written(void **unused)
{
	static const uint64_t spans[] = {
		0, 1, 999, 1000, 1500000, 5000000, 90000000, 5400000000,
		14400000000, 86399999999, 2592000000000,
	};
	unsigned int i;

	for (i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
		char buf[64];
		uint64_t us;

		cmk_format_span(spans[i], buf, sizeof(buf));
		assert_int_equal(cmk_parse_span(buf, &us), 0);
		assert_int_equal(us, spans[i]);
	}
}

static void percentages(void **unused)
{
	unsigned int n;

	assert_int_equal(cmk_parse_percent("20%", &n), 0);
	assert_int_equal(n, 20);
	assert_int_equal(cmk_parse_percent("0%", &n), 0);
	assert_int_equal(cmk_parse_percent("100%", &n), 0);
	assert_int_equal(cmk_parse_percent("101%", &n), -ERANGE);
	assert_int_equal(cmk_parse_percent("20", &n), -EINVAL);
	assert_int_equal(cmk_parse_percent("%", &n), -EINVAL);
	assert_int_equal(cmk_parse_percent("-1%", &n), -EINVAL);
	assert_int_equal(cmk_parse_percent("1234567890%", &n), -EINVAL);
}

static void uuids(void **unused)
{
	static const char text[] = "6f0f3c6e-8b0e-4f6a-9d3e-0d5c1c7b2a10";
	static const char * const bad[] = {
		"", "6f0f3c6e", "6f0f3c6e-8b0e-4f6a-9d3e-0d5c1c7b2a1",
		"6f0f3c6e-8b0e-4f6a-9d3e-0d5c1c7b2a100",
		"6f0f3c6e-8b0e-4f6a-9d3e-0d5c1c7b2a1g",
		"6f0f3c6e08b0e-4f6a-9d3e-0d5c1c7b2a10",
		"6f0f3c6e-8b0e-4f6a-9d3e--d5c1c7b2a10",
	};
	unsigned char uuid[16];
	char back[37];
	unsigned int i;

	assert_int_equal(cmk_parse_uuid(text, uuid), 0);
	assert_int_equal(uuid[0], 0x6f);
	assert_int_equal(uuid[15], 0x10);
	cmk_format_uuid(uuid, back);
	assert_string_equal(back, text);
	assert_int_equal(cmk_parse_uuid("6F0F3C6E-8B0E-4F6A-9D3E-0D5C1C7B2A10",
					uuid), 0);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (!cmk_parse_uuid(bad[i], uuid))
			fail_msg("'%s' was taken", bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spans_are_read_as_systemd_reads_them),
		cmocka_unit_test(a_span_survives_being_written),
		cmocka_unit_test(percentages),
		cmocka_unit_test(uuids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
