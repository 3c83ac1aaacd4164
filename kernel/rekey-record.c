// SPDX-License-Identifier: GPL-2.0
/*
 * The record of a rekey as bytes.
 *
 * Why two places, and why sectors that are numbered.  The record is the only
 * truth after a crash, so a torn write must not lose the record before it:
 * records go to the two places in turn.  But to fall back on the record before
 * is right only if the later one was torn, hence never durable, hence nothing
 * was done under it.  Were the later one durable and then damaged, the record
 * before it would have its stripe encrypted twice.  One checksum cannot tell
 * the two apart.  So each sector, which a disk writes whole or not at all, has
 * the number of its write and a sum of its own: a torn write is a mixture of
 * whole sectors of different writes, anything else is damage, and damage
 * anywhere in either place is refused.
 *
 * What a mixture may look like: sectors of the torn write and of the writes to
 * this place before it, all of which were durable.  A torn write is the last
 * one: in its place is a sector with a higher number than the record in the
 * other place has.  The write that follows it goes to the same place, with a
 * higher number than any seen, so that no two writes have one number.
 *
 * And zeros?  The first two writes have full length and go over zeros, and no
 * data is touched before both are durable.  So as long as there is a zero
 * sector in either place, there was no rekey, however much of the two there
 * is: both places are made zeros again and it is begun anew.  After that there
 * is none, and a zero sector is damage.
 *
 * A record can be longer than the next one in its place; the old sectors behind
 * it stay and are checked, too.
 */

#include "rekey-record.h"

#ifdef __KERNEL__
#include <asm/byteorder.h>
#include <linux/errno.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/string.h>
#else
#include <endian.h>
#include <errno.h>
#include <string.h>
#define cpu_to_le32(x)	htole32(x)
#define cpu_to_le64(x)	htole64(x)
#define le32_to_cpu(x)	le32toh(x)
#define le64_to_cpu(x)	le64toh(x)
#define is_power_of_2(x) ((x) && !((x) & ((x) - 1)))
#endif

/**
 * struct cmk_place - what one place holds
 * @zeros: a sector is zero
 * @bad: one is neither zero nor whole
 * @whole: the record of @seq is complete
 * @seq: number in the first sector
 * @max: highest number of any sector
 */
struct cmk_place {
	bool zeros;
	bool bad;
	bool whole;
	__u64 seq;
	__u64 max;
};

/**
 * cmk_record_sectors() - length of a record
 * @tags: how many
 */
unsigned int cmk_record_sectors(unsigned int tags)
{
	unsigned int n = 1 + (tags + CMK_RECORD_TAGS_EACH - 1) /
			     CMK_RECORD_TAGS_EACH;

	return (n + CMK_RECORD_ROUND - 1) / CMK_RECORD_ROUND *
	       CMK_RECORD_ROUND;
}

/**
 * cmk_record_fill() - a record without tags, MAC and sums, all of which are 0
 * @image: @sectors sectors
 * @sectors: at least cmk_record_sectors()
 * @record: what it says
 *
 * The MAC is that of the image as it is when the tags have been filled in.
 */
void cmk_record_fill(struct cmk_disk_record_sector *image, unsigned int sectors,
		     const struct cmk_record *record)
{
	struct cmk_disk_record *disk = (void *)image->body;
	unsigned int i;

	memset(image, 0, sectors * sizeof(*image));
	for (i = 0; i < sectors; i++) {
		image[i].seq = cpu_to_le64(record->seq);
		image[i].index = cpu_to_le32(i);
	}
	memcpy(disk->magic, CMK_RECORD_MAGIC, sizeof(disk->magic));
	disk->version = cpu_to_le32(CMK_RECORD_VERSION);
	disk->state = record->state;
	memcpy(disk->uuid, record->uuid, sizeof(disk->uuid));
	memcpy(disk->run, record->run, sizeof(disk->run));
	disk->range = cpu_to_le32(record->range);
	disk->old_generation = cpu_to_le32(record->old_generation);
	disk->generation = cpu_to_le32(record->generation);
	disk->block_size = cpu_to_le32(record->block_size);
	disk->sector_size = cpu_to_le32(record->sector_size);
	disk->tags = cpu_to_le32(record->tags);
	disk->range_sectors = cpu_to_le64(record->range_sectors);
	disk->iv_offset = cpu_to_le64(record->iv_offset);
	disk->cursor = cpu_to_le64(record->cursor);
	disk->stripe_sectors = cpu_to_le64(record->stripe_sectors);
	disk->header_seq = cpu_to_le64(record->header_seq);
}

/**
 * cmk_record_tag() - where a tag is
 * @image: a record
 * @n: number of the block in the stripe, below CMK_RECORD_TAGS
 */
struct cmk_disk_tag *cmk_record_tag(struct cmk_disk_record_sector *image,
				    unsigned int n)
{
	struct cmk_disk_tag *tags;

	tags = (void *)image[1 + n / CMK_RECORD_TAGS_EACH].body;
	return tags + n % CMK_RECORD_TAGS_EACH;
}

static int cmk_record_sum_of(const struct cmk_disk_record_sector *sector,
			     __u8 sum[CMK_RECORD_SUM])
{
	return cmk_record_sum(sector,
			      offsetof(struct cmk_disk_record_sector, sum),
			      sum);
}

/**
 * cmk_record_finish() - put the MAC and the sums in
 * @image: filled, with tags
 * @sectors: its length
 * @mac: of it
 *
 * Return: 0, or what cmk_record_sum() returned.
 */
int cmk_record_finish(struct cmk_disk_record_sector *image,
		      unsigned int sectors, const __u8 mac[32])
{
	struct cmk_disk_record *disk = (void *)image->body;
	unsigned int i;
	int r = 0;

	memcpy(disk->mac, mac, sizeof(disk->mac));
	for (i = 0; i < sectors && !r; i++)
		r = cmk_record_sum_of(&image[i], image[i].sum);
	return r;
}

/**
 * cmk_record_unfinish() - take the MAC and the sums out, to check the MAC
 * @image: a record that was parsed
 * @sectors: its length
 * @mac: where the MAC goes
 */
void cmk_record_unfinish(struct cmk_disk_record_sector *image,
			 unsigned int sectors, __u8 mac[32])
{
	struct cmk_disk_record *disk = (void *)image->body;
	unsigned int i;

	memcpy(mac, disk->mac, sizeof(disk->mac));
	memset(disk->mac, 0, sizeof(disk->mac));
	for (i = 0; i < sectors; i++)
		memset(image[i].sum, 0, sizeof(image[i].sum));
}

static bool cmk_record_is_zero(const struct cmk_disk_record_sector *sector)
{
	const __u8 *p = (const __u8 *)sector;
	unsigned int i;

	for (i = 0; i < sizeof(*sector); i++)
		if (p[i])
			return false;
	return true;
}

/* 1 whole, 0 not, or a negative errno. */
static int cmk_record_is_whole(const struct cmk_disk_record_sector *sector,
			       unsigned int index)
{
	__u8 sum[CMK_RECORD_SUM];
	int r = cmk_record_sum_of(sector, sum);

	if (r)
		return r;
	return !memcmp(sum, sector->sum, sizeof(sum)) &&
	       le32_to_cpu(sector->index) == index && sector->seq;
}

/* How long the record says that it is; 0 when it is none. */
static unsigned int
cmk_record_length(const struct cmk_disk_record_sector *image)
{
	const struct cmk_disk_record *disk = (const void *)image->body;
	unsigned int tags = le32_to_cpu(disk->tags);

	if (memcmp(disk->magic, CMK_RECORD_MAGIC, sizeof(disk->magic)) ||
	    tags > CMK_RECORD_TAGS)
		return 0;
	return cmk_record_sectors(tags);
}

static int cmk_record_look(const struct cmk_disk_record_sector *image,
			   struct cmk_place *ret)
{
	struct cmk_place p = { };
	unsigned int i, first = 0;
	__u64 seq;
	int r;

	p.seq = le64_to_cpu(image->seq);
	for (i = 0; i < CMK_RECORD_SECTORS; i++) {
		if (cmk_record_is_zero(&image[i])) {
			p.zeros = true;
			continue;
		}
		r = cmk_record_is_whole(&image[i], i);
		if (r < 0)
			return r;
		if (!r)
			p.bad = true;
		seq = le64_to_cpu(image[i].seq);
		if (seq > p.max)
			p.max = seq;
		if (seq == p.seq && first == i)
			first++;
	}
	/* The first sector speaks for the record only if it is whole. */
	if (!p.bad && p.seq)
		p.whole = first && cmk_record_length(image) &&
			  first >= cmk_record_length(image);
	*ret = p;
	return 0;
}

static enum cmk_record_found
cmk_record_judge(const struct cmk_place *p, unsigned int *place, __u64 max)
{
	const struct cmk_place *torn;

	if (p[0].bad || p[1].bad)
		return CMK_RECORD_DAMAGED;
	/* The first two writes are not both there, or there was none. */
	if (p[0].zeros || p[1].zeros)
		return max > CMK_RECORD_FIRST ? CMK_RECORD_DAMAGED :
						CMK_RECORD_NONE;
	if (p[0].whole && p[1].whole) {
		*place = p[1].seq > p[0].seq;
		return p[0].seq == p[1].seq ? CMK_RECORD_DAMAGED :
					      CMK_RECORD_FOUND;
	}
	if (!p[0].whole && !p[1].whole)
		return CMK_RECORD_DAMAGED;
	/* A torn write is the last one. */
	*place = p[1].whole;
	torn = &p[!*place];
	return torn->max > p[*place].seq ? CMK_RECORD_FOUND :
					   CMK_RECORD_DAMAGED;
}

/**
 * cmk_record_choose() - which of the two places counts
 * @first: CMK_RECORD_SECTORS sectors from the first place
 * @second: from the second
 * @ret: the answer
 *
 * Return: 0, or what cmk_record_sum() returned.
 */
int cmk_record_choose(const struct cmk_disk_record_sector *first,
		      const struct cmk_disk_record_sector *second,
		      struct cmk_record_choice *ret)
{
	struct cmk_place place[CMK_RECORD_PLACES];
	int r = cmk_record_look(first, &place[0]);

	if (!r)
		r = cmk_record_look(second, &place[1]);
	if (r)
		return r;
	*ret = (struct cmk_record_choice) { .place = 1 };
	ret->seq = place[0].max > place[1].max ? place[0].max : place[1].max;
	ret->found = cmk_record_judge(place, &ret->place, ret->seq);
	return 0;
}

static bool cmk_record_is_stripe(const struct cmk_record *r)
{
	__u64 bytes = r->stripe_sectors * CMK_RECORD_SECTOR;

	if (r->state != CMK_RECORD_STRIPE)
		return !r->stripe_sectors && !r->tags;
	return r->stripe_sectors && r->stripe_sectors <= CMK_STRIPE_SECTORS &&
	       !(bytes % r->sector_size) && bytes / r->block_size == r->tags &&
	       r->stripe_sectors <= r->range_sectors - r->cursor;
}

/* Is it a record that the writer could have made? */
static bool cmk_record_is_sane(const struct cmk_record *r)
{
	return r->state >= CMK_RECORD_IDLE &&
	       r->state <= CMK_RECORD_COMPLETE && r->old_generation &&
	       r->generation > r->old_generation &&
	       is_power_of_2(r->block_size) && r->block_size >= 512 &&
	       is_power_of_2(r->sector_size) && r->sector_size <= 4096 &&
	       r->block_size <= r->sector_size &&
	       r->range < CMK_FORMAT_RANGES_MAX &&
	       is_power_of_2(r->range_sectors) &&
	       r->range_sectors >= CMK_RANGE_SECTORS_MIN &&
	       r->range_sectors <= CMK_RANGE_SECTORS_MAX &&
	       r->cursor <= r->range_sectors &&
	       !(r->cursor * CMK_RECORD_SECTOR % r->sector_size) &&
	       cmk_record_is_stripe(r);
}

/**
 * cmk_record_parse() - read the record that was chosen
 * @image: its place
 * @ret: what it says
 *
 * The MAC is not looked at.
 *
 * Return: 0; -EPROTONOSUPPORT for another version; -EUCLEAN when a field is
 * out of bounds: its sums are right, so it was made so.
 */
int cmk_record_parse(const struct cmk_disk_record_sector *image,
		     struct cmk_record *ret)
{
	const struct cmk_disk_record *disk = (const void *)image->body;

	if (le32_to_cpu(disk->version) != CMK_RECORD_VERSION)
		return -EPROTONOSUPPORT;
	*ret = (struct cmk_record) {
		.seq = le64_to_cpu(image->seq),
		.state = disk->state,
		.range = le32_to_cpu(disk->range),
		.old_generation = le32_to_cpu(disk->old_generation),
		.generation = le32_to_cpu(disk->generation),
		.block_size = le32_to_cpu(disk->block_size),
		.sector_size = le32_to_cpu(disk->sector_size),
		.tags = le32_to_cpu(disk->tags),
		.range_sectors = le64_to_cpu(disk->range_sectors),
		.iv_offset = le64_to_cpu(disk->iv_offset),
		.cursor = le64_to_cpu(disk->cursor),
		.stripe_sectors = le64_to_cpu(disk->stripe_sectors),
		.header_seq = le64_to_cpu(disk->header_seq),
	};
	memcpy(ret->uuid, disk->uuid, sizeof(ret->uuid));
	memcpy(ret->run, disk->run, sizeof(ret->run));
	return cmk_record_is_sane(ret) ? 0 : -EUCLEAN;
}
