// SPDX-License-Identifier: GPL-2.0
/* Parsing and printing of table lines. */

#include <linux/device-mapper.h>
#include <linux/log2.h>

#include "args.h"

#define CMK_RANGE_SECTORS_MIN	2048
/* 1 MiB, in sectors */
#define CMK_RECORD_ALIGN	2048
#define CMK_TIMEOUT_DEFAULT	30
#define CMK_TIMEOUT_MAX		3600
#define CMK_HOLD_DEFAULT	600
#define CMK_HOLD_MAX		86400

static int cmk_args_sector_size(struct cmk_args *args, const char *value)
{
	if (kstrtouint(value, 10, &args->sector_size))
		return -EINVAL;
	return args->sector_size >= 512 && args->sector_size <= 4096 &&
	       is_power_of_2(args->sector_size) ? 0 : -EINVAL;
}

static int cmk_args_no_key(struct cmk_args *args, const char *value)
{
	if (strcmp(value, "wait") && strcmp(value, "fail"))
		return -EINVAL;
	args->no_key_fail = !strcmp(value, "fail");
	return 0;
}

static int cmk_args_key_timeout(struct cmk_args *args, const char *value)
{
	if (kstrtouint(value, 10, &args->key_timeout))
		return -EINVAL;
	return args->key_timeout <= CMK_TIMEOUT_MAX ? 0 : -EINVAL;
}

static int cmk_args_hold_timeout(struct cmk_args *args, const char *value)
{
	if (kstrtouint(value, 10, &args->hold_timeout))
		return -EINVAL;
	return args->hold_timeout <= CMK_HOLD_MAX ? 0 : -EINVAL;
}

static int cmk_args_crypt(struct cmk_args *args, const char *value)
{
	if (!strcmp(value, "auto"))
		args->crypt = CMK_CRYPT_AUTO;
	else if (!strcmp(value, "inline"))
		args->crypt = CMK_CRYPT_INLINE;
	else if (!strcmp(value, "queued"))
		args->crypt = CMK_CRYPT_QUEUED;
	else
		return -EINVAL;
	return 0;
}

static int cmk_args_record(struct cmk_args *args, const char *value)
{
	if (kstrtou64(value, 10, &args->record))
		return -EINVAL;
	return args->record % CMK_RECORD_ALIGN ? -EINVAL : 0;
}

static int cmk_args_discards(struct cmk_args *args, const char *value)
{
	args->allow_discards = true;
	return 0;
}

static int cmk_args_no_lease(struct cmk_args *args, const char *value)
{
	args->no_lease = true;
	return 0;
}

/* Options "name" and "name:value". */
static const struct cmk_option {
	const char *name;
	int (*parse)(struct cmk_args *args, const char *value);
	const char *error;
} cmk_options[] = {
	{ "sector_size:", cmk_args_sector_size,
	  "sector_size must be 512, 1024, 2048 or 4096" },
	{ "no_key:", cmk_args_no_key, "no_key must be wait or fail" },
	{ "key_timeout:", cmk_args_key_timeout,
	  "key_timeout must be 0 to 3600 seconds" },
	{ "hold_timeout:", cmk_args_hold_timeout,
	  "hold_timeout must be 0 to 86400 seconds" },
	{ "record:", cmk_args_record, "record must be a multiple of 2048" },
	{ "crypt:", cmk_args_crypt, "crypt must be auto, inline or queued" },
	{ "allow_discards", cmk_args_discards, NULL },
	{ "no_lease", cmk_args_no_lease, NULL },
};

static int cmk_args_option(struct cmk_args *args, const char *word,
			   const char **error)
{
	const struct cmk_option *option;
	size_t len;

	for (option = cmk_options;
	     option < cmk_options + ARRAY_SIZE(cmk_options); option++) {
		len = strlen(option->name);
		if (option->error ? strncmp(word, option->name, len) :
				    strcmp(word, option->name))
			continue;
		if (!option->parse(args, word + len))
			return 0;
		*error = option->error;
		return -EINVAL;
	}
	*error = "Unknown option";
	return -EINVAL;
}

static int cmk_args_options(struct cmk_args *args, unsigned int argc,
			    char **argv, const char **error)
{
	unsigned int i, n;
	int r;

	if (!argc)
		return 0;
	if (kstrtouint(argv[0], 10, &n) || n != argc - 1) {
		*error = "Number of options is not the number given";
		return -EINVAL;
	}
	for (i = 1; i < argc; i++) {
		r = cmk_args_option(args, argv[i], error);
		if (r)
			return r;
	}
	return 0;
}

static const char *cmk_args_positional(struct cmk_args *args, char **argv)
{
	/* <uuid> */
	if (strlen(argv[0]) != UUID_STRING_LEN ||
	    uuid_parse(argv[0], &args->uuid))
		return "Invalid volume uuid";
	/* <range_sectors> */
	if (kstrtou64(argv[1], 10, &args->range_sectors) ||
	    args->range_sectors < CMK_RANGE_SECTORS_MIN ||
	    args->range_sectors >= 1ULL << 31 ||
	    !is_power_of_2(args->range_sectors))
		return "range_sectors must be a power of two, 2048 to 2^30";
	/* <iv_offset> */
	if (kstrtou64(argv[2], 10, &args->iv_offset))
		return "Invalid iv_offset";
	/* <device> */
	args->device = argv[3];
	/* <offset> */
	if (kstrtou64(argv[4], 10, &args->offset) ||
	    args->offset != (sector_t)args->offset)
		return "Invalid device offset";
	return NULL;
}

/**
 * cmk_args_parse() - parse a table line
 * @args: filled
 * @argc: number of words
 * @argv: the words
 * @error: set to what is wrong with which argument
 *
 * Return: 0 or -EINVAL.
 */
int cmk_args_parse(struct cmk_args *args, unsigned int argc, char **argv,
		   const char **error)
{
	memset(args, 0, sizeof(*args));
	args->sector_size = 4096;
	args->key_timeout = CMK_TIMEOUT_DEFAULT;
	args->hold_timeout = CMK_HOLD_DEFAULT;
	args->record = CMK_NO_RECORD;

	if (argc < 5) {
		*error = "Not enough arguments";
		return -EINVAL;
	}
	*error = cmk_args_positional(args, argv);
	if (*error)
		return -EINVAL;
	return cmk_args_options(args, argc - 5, argv + 5, error);
}

/**
 * cmk_args_emit() - print a table line
 * @args: from cmk_args_parse()
 * @device: name of the data device
 * @result: buffer
 * @maxlen: its size
 *
 * Options at their default are left out.
 *
 * Return: length of the text.
 */
unsigned int cmk_args_emit(const struct cmk_args *args, const char *device,
			   char *result, unsigned int maxlen)
{
	static const char * const crypt[] = {
		[CMK_CRYPT_AUTO] = "auto",
		[CMK_CRYPT_INLINE] = "inline",
		[CMK_CRYPT_QUEUED] = "queued",
	};
	unsigned int nr, sz = 0;

	DMEMIT("%pU %llu %llu %s %llu", &args->uuid, args->range_sectors,
	       args->iv_offset, device, args->offset);
	nr = (args->sector_size != 4096) + args->no_key_fail +
	     (args->key_timeout != CMK_TIMEOUT_DEFAULT) +
	     (args->hold_timeout != CMK_HOLD_DEFAULT) +
	     (args->record != CMK_NO_RECORD) +
	     (args->crypt != CMK_CRYPT_AUTO) + args->allow_discards +
	     args->no_lease;
	if (nr)
		DMEMIT(" %u", nr);
	if (args->sector_size != 4096)
		DMEMIT(" sector_size:%u", args->sector_size);
	if (args->no_key_fail)
		DMEMIT(" no_key:fail");
	if (args->key_timeout != CMK_TIMEOUT_DEFAULT)
		DMEMIT(" key_timeout:%u", args->key_timeout);
	if (args->hold_timeout != CMK_HOLD_DEFAULT)
		DMEMIT(" hold_timeout:%u", args->hold_timeout);
	if (args->record != CMK_NO_RECORD)
		DMEMIT(" record:%llu", args->record);
	if (args->crypt != CMK_CRYPT_AUTO)
		DMEMIT(" crypt:%s", crypt[args->crypt]);
	if (args->allow_discards)
		DMEMIT(" allow_discards");
	if (args->no_lease)
		DMEMIT(" no_lease");
	return sz;
}
