// SPDX-License-Identifier: GPL-2.0
/*
 * A rekey: from old ciphertext to new, in memory.
 *
 * The stripe is taken in turns, each of which is one RCU section: its blocks
 * get their old tags, are decrypted, encrypted, and get their new tags.  Turns
 * do not touch each other, so other CPUs take some.  Nobody waits for a helper
 * that has not begun: the worker takes turns himself until none is left, and
 * only who is in one is waited for.  So the helpers' queue may stand still, be
 * frozen or lack a thread, and the rekey goes on.
 */

#include <linux/cpumask.h>
#include <linux/mm.h>

#include "cipher.h"
#include "digest.h"
#include "range.h"
#include "rekey-internal.h"
#include "slot.h"
#include "volume.h"

/* Of a section, as each byte is decrypted, encrypted and has two tags. */
#define CMK_TURN_BYTES	(CMK_SECTION / 2)

/**
 * cmk_turn_keys() - may the keys be used, and which are they?
 * @vol: a volume with a rekey
 * @turn: its keys are set
 *
 * Context: inside an RCU read section, in which alone they may be used.
 */
bool cmk_turn_keys(const struct cmk_volume *vol, struct cmk_turn *turn)
{
	const struct cmk_range *side = vol->twin->side;
	struct cmk_slot *old, *new, *mac;

	old = rcu_dereference(side[CMK_SIDE_OLD].slot);
	new = rcu_dereference(side[CMK_SIDE_NEW].slot);
	mac = rcu_dereference(side[CMK_SIDE_MAC].slot);
	if (READ_ONCE(vol->gate) != CMK_GATE_OPEN || !old || !new || !mac)
		return false;
	turn->old = old->tfm;
	turn->new = new->tfm;
	turn->mac = mac->mac;
	return true;
}

/**
 * cmk_turn_at() - a place in the stripe
 * @rekey: a rekey
 * @offset: bytes
 */
void *cmk_turn_at(const struct cmk_rekey *rekey, unsigned int offset)
{
	const struct bio_vec *vec = rekey->memory->vec;

	return page_address(vec[offset >> PAGE_SHIFT].bv_page) +
	       offset_in_page(offset);
}

/**
 * cmk_turn_tag() - the tag of a block as it is now
 * @rekey: a rekey
 * @turn: its keys are there
 * @block: number in the stripe
 */
u64 cmk_turn_tag(const struct cmk_rekey *rekey, const struct cmk_turn *turn,
		 unsigned int block)
{
	unsigned int size = rekey->record.block_size;

	return cmk_mac_tag(turn->mac, cmk_turn_at(rekey, block * size), size);
}

/**
 * cmk_turn_crypt() - from old to new, in place
 * @rekey: a rekey
 * @turn: a stretch, with keys
 *
 * Return: 0 or an errno of the driver; then nothing of the stretch is left.
 */
int cmk_turn_crypt(struct cmk_rekey *rekey, const struct cmk_turn *turn)
{
	const struct cmk_geometry *geo = &rekey->vol->geo;
	struct bio_vec *vec = rekey->memory->vec;
	const struct bvec_iter begin = {
		.bi_sector = turn->sector,
		.bi_size = turn->bytes,
		.bi_idx = turn->offset >> PAGE_SHIFT,
		.bi_bvec_done = offset_in_page(turn->offset),
	};
	struct cmk_crypt crypt __cmk_uninit;
	struct bvec_iter iter = begin;
	unsigned int i;
	int r;

	cmk_crypt_init(&crypt, geo->sector_size, NULL);
	r = cmk_crypt_section(&crypt, turn->old, vec, &iter, turn->bytes,
			      geo->iv_offset);
	if (!r) {
		iter = begin;
		cmk_crypt_init(&crypt, geo->sector_size, vec);
		crypt.done = turn->offset;
		r = cmk_crypt_section(&crypt, turn->new, vec, &iter,
				      turn->bytes, geo->iv_offset);
	}
	for (i = 0; r && i < turn->bytes; i += SECTOR_SIZE)
		memset(cmk_turn_at(rekey, turn->offset + i), 0, SECTOR_SIZE);
	return r;
}

static int cmk_turn_run(struct cmk_rekey *rekey, struct cmk_turn *turn)
{
	struct cmk_disk_tag *tag = rekey->memory->tag;
	unsigned int size = rekey->record.block_size;
	unsigned int first = turn->offset / size;
	unsigned int last = first + turn->bytes / size, i;
	int r;

	for (i = first; i < last; i++)
		tag[i].old = cpu_to_le64(cmk_turn_tag(rekey, turn, i));
	r = cmk_turn_crypt(rekey, turn);
	for (i = first; i < last; i++)
		tag[i].new = cpu_to_le64(cmk_turn_tag(rekey, turn, i));
	return r;
}

static int cmk_turn_take(struct cmk_rekey *rekey, unsigned int offset)
{
	const struct cmk_crew *crew = &rekey->memory->crew;
	struct cmk_turn turn = {
		.sector = crew->begin + (offset >> SECTOR_SHIFT),
		.offset = offset,
		.bytes = min_t(unsigned int, crew->bytes - offset,
			       CMK_TURN_BYTES),
	};
	int r;

	rcu_read_lock();
	r = cmk_turn_keys(rekey->vol, &turn) ?
		cmk_turn_run(rekey, &turn) : -EKEYREVOKED;
	rcu_read_unlock();
	return r;
}

/* Turns that nobody has taken yet, until none is left or one fails. */
static void cmk_turn_some(struct cmk_rekey *rekey)
{
	struct cmk_crew *crew = &rekey->memory->crew;
	unsigned int offset;
	int r;

	while (!atomic_read(&crew->error)) {
		offset = atomic_fetch_inc(&crew->next) * CMK_TURN_BYTES;
		if (offset >= crew->bytes)
			break;
		r = cmk_turn_take(rekey, offset);
		if (r)
			atomic_cmpxchg(&crew->error, 0, r);
		cond_resched();
	}
}

static void cmk_turn_help(struct work_struct *work)
{
	const struct cmk_helper *helper = container_of(work, struct cmk_helper,
						       work);

	cmk_turn_some(helper->rekey);
}

/**
 * cmk_turn_init() - nobody helps yet
 * @rekey: a rekey
 * @memory: what it will have
 */
void cmk_turn_init(struct cmk_rekey *rekey, struct cmk_rekey_memory *memory)
{
	unsigned int i;

	for (i = 0; i < CMK_HELPERS; i++) {
		memory->crew.helper[i].rekey = rekey;
		INIT_WORK(&memory->crew.helper[i].work, cmk_turn_help);
	}
}

/*
 * Beside each other, on the CPUs that follow: an unbound queue may have one
 * place for each cache, and then a helper would wait for the worker's CPU.
 */
static void cmk_turn_call(struct cmk_crew *crew, unsigned int helpers)
{
	unsigned int cpu = raw_smp_processor_id(), i;

	for (i = 0; i < helpers; i++) {
		cpu = cpumask_next(cpu, cpu_online_mask);
		if (cpu >= nr_cpu_ids)
			cpu = cpumask_first(cpu_online_mask);
		queue_work_on(cpu, cmk_rekey_wq, &crew->helper[i].work);
	}
}

/**
 * cmk_stripe_turn() - from old to new, all of a stripe that was read
 * @rekey: a rekey; the tags are left in its memory
 * @begin: the stripe's first sector
 * @bytes: its length
 *
 * Context: the worker; allocates nothing.
 *
 * Return: 0; -EKEYREVOKED when a key is gone; an errno of the driver.
 */
int cmk_stripe_turn(struct cmk_rekey *rekey, u64 begin, unsigned int bytes)
{
	struct cmk_crew *crew = &rekey->memory->crew;
	unsigned int helpers = min(CMK_HELPERS, num_online_cpus() - 1), i;

	crew->begin = begin;
	crew->bytes = bytes;
	atomic_set(&crew->next, 0);
	atomic_set(&crew->error, 0);
	cmk_turn_call(crew, helpers);
	cmk_turn_some(rekey);
	for (i = 0; i < helpers; i++)
		cancel_work_sync(&crew->helper[i].work);
	return atomic_read(&crew->error);
}
