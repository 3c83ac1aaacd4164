/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The table line, as text: what a line may say, without looking at any device
 * or volume.
 *
 *	<uuid> <range_sectors> <iv_offset> <device> <offset> [<#opts> <opts>]
 */
#ifndef CMK_ARGS_H
#define CMK_ARGS_H

#include <linux/types.h>
#include <linux/uuid.h>

#define CMK_NO_RECORD	(~0ULL)

/* Which context does the crypto. */
enum cmk_crypt_mode {
	CMK_CRYPT_AUTO,
	CMK_CRYPT_INLINE,
	CMK_CRYPT_QUEUED,
};

/**
 * struct cmk_args - a parsed table line
 * @uuid: the volume
 * @range_sectors: sectors of a range, a power of two
 * @iv_offset: added to the sector for the tweak, in 512-byte units
 * @device: path or number of the data device; points into the argument vector
 * @offset: of the data on it, in sectors
 * @record: first sector of the record area on @device, or CMK_NO_RECORD
 * @sector_size: bytes of a data unit
 * @key_timeout: seconds an I/O waits for an absent key, 0 for ever
 * @hold_timeout: seconds until a held gate turns to revoked, 0 never
 * @crypt: which context does the crypto
 * @allow_discards: discards are passed down
 * @no_key_fail: I/O on an absent range fails at once
 * @no_lease: keys are taken without a lease
 */
struct cmk_args {
	uuid_t uuid;
	u64 range_sectors;
	u64 iv_offset;
	const char *device;
	u64 offset;
	u64 record;
	unsigned int sector_size;
	unsigned int key_timeout;
	unsigned int hold_timeout;
	enum cmk_crypt_mode crypt;
	bool allow_discards;
	bool no_key_fail;
	bool no_lease;
};

int cmk_args_parse(struct cmk_args *args, unsigned int argc, char **argv,
		   const char **error);
unsigned int cmk_args_emit(const struct cmk_args *args, const char *device,
			   char *result, unsigned int maxlen);

#endif
