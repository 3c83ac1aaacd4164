/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The form of a fuzzer's input for the header, short where a header is long:
 * one byte of FUZZ_* flags, two bytes (little endian) that tell how many bytes
 * of the superblock follow, these, and then the first slots.  The rest is
 * zero, but for the spare slot.
 */
#ifndef CMK_FUZZ_INPUT_H
#define CMK_FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>

#define FUZZ_FROM_DISK	1	/* by both copies, with digests made right */
#define FUZZ_OTHER_B	2	/* from disk: B has other slots and seq + 1 */
#define FUZZ_VERIFY	4	/* the MAC as well, which is slow */
#define FUZZ_FIT	8	/* the number of ranges fits the other fields */
#define FUZZ_SPARE	16	/* the last of the slots is the spare slot */

#define FUZZ_HEAD	3
#define FUZZ_SUPER_MAX	16384
#define FUZZ_SLOTS_MAX	16384

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
