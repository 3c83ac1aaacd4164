// SPDX-License-Identifier: GPL-2.0
/*
 * Makes allocations fail that code of dm-cmk asks for, on a kernel that was
 * built without fault injection.
 *
 * The entries of the allocators are probed.  Where dm-cmk is found among the
 * nearest callers, the call is counted, and if it is its turn it returns NULL
 * without having begun.  Writing @from starts the count anew.
 *
 * With @stall it sleeps before, as in a reclaim that finds nothing; @asleep
 * tells how many do.
 *
 * With @cipher, the cipher's calls fail instead, with EIO.
 */

#include <linux/atomic.h>
#include <linux/delay.h>
#include <linux/kallsyms.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/stacktrace.h>
#include <linux/string.h>

#define DEPTH_MAX	56
/* Frames of the probe itself, at most. */
#define OWN_FRAMES	8
#define TEXT		"[dm_cmk]"

static unsigned int depth = 6;
module_param(depth, uint, 0644);
MODULE_PARM_DESC(depth, "callers among which dm-cmk is looked for");

static unsigned int times = 1;
module_param(times, uint, 0644);
MODULE_PARM_DESC(times, "calls that fail");

static char task[TASK_COMM_LEN];
module_param_string(task, task, sizeof(task), 0644);
MODULE_PARM_DESC(task, "only in tasks whose name begins so");

static bool cipher;
module_param(cipher, bool, 0444);
MODULE_PARM_DESC(cipher, "encryptions and decryptions fail, not allocations");

static char without[KSYM_NAME_LEN];
module_param_string(without, without, sizeof(without), 0444);
MODULE_PARM_DESC(without, "not if this function of dm-cmk is a caller, too");

static unsigned int from;
static atomic_t seen = ATOMIC_INIT(0);
static atomic_t failed = ATOMIC_INIT(0);

static int from_set(const char *val, const struct kernel_param *kp)
{
	unsigned int n;
	int r = kstrtouint(val, 0, &n);

	if (r)
		return r;
	WRITE_ONCE(from, 0);
	atomic_set(&seen, 0);
	atomic_set(&failed, 0);
	WRITE_ONCE(from, n);
	return 0;
}

static int from_get(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%u\n", from);
}

static const struct kernel_param_ops from_ops = {
	.set = from_set,
	.get = from_get,
};

module_param_cb(from, &from_ops, NULL, 0644);
MODULE_PARM_DESC(from, "first call that fails, counted from 1; 0 for none");

static int count_get(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%d\n", atomic_read(kp->arg));
}

static const struct kernel_param_ops count_ops = {
	.get = count_get,
};

module_param_cb(seen, &count_ops, &seen, 0444);
MODULE_PARM_DESC(seen, "calls that were counted");
module_param_cb(failed, &count_ops, &failed, 0444);
MODULE_PARM_DESC(failed, "calls that failed");

static bool stall;
module_param(stall, bool, 0644);
MODULE_PARM_DESC(stall, "calls sleep until it is N, and then fail");

static atomic_t asleep = ATOMIC_INIT(0);
module_param_cb(asleep, &count_ops, &asleep, 0444);
MODULE_PARM_DESC(asleep, "calls that sleep now");

/**
 * struct probe - an entry of an allocator or of the cipher
 * @name: of the function; not each kernel has each
 * @gfp: number of the argument that holds the flags, -1 for none
 * @cipher: of the cipher
 * @kp: the probe
 */
struct probe {
	const char *name;
	int gfp;
	bool cipher;
	struct kprobe kp;
};

static struct probe probes[] = {
	{ "__alloc_pages", 0 },
	{ "__alloc_pages_noprof", 0 },
	{ "__kmalloc", 1 },
	{ "__kmalloc_noprof", 1 },
	{ "__kmalloc_node", 1 },
	{ "__kmalloc_node_noprof", IS_ENABLED(CONFIG_SLAB_BUCKETS) ? 2 : 1 },
	{ "kmalloc_trace", 1 },
	{ "kmalloc_node_trace", 1 },
	{ "__kmalloc_cache_noprof", 1 },
	{ "__kmalloc_cache_node_noprof", 1 },
	{ "kmem_cache_alloc", 1 },
	{ "kmem_cache_alloc_noprof", 1 },
	{ "kmem_cache_alloc_node", 1 },
	{ "kmem_cache_alloc_node_noprof", 1 },
	{ "__alloc_percpu", -1 },
	{ "__alloc_percpu_gfp", 2 },
	{ "pcpu_alloc_noprof", 3 },
	{ "crypto_skcipher_encrypt", -1, true },
	{ "crypto_skcipher_decrypt", -1, true },
};

/* In the place of the allocator, with its caller's context. */
static noinline void *none(void)
{
	if (READ_ONCE(stall)) {
		atomic_inc(&asleep);
		while (READ_ONCE(stall))
			msleep(20);
		atomic_dec(&asleep);
	}
	barrier();
	return NULL;
}

static noinline int broken(void)
{
	barrier();
	return -EIO;
}

/* Of dm-cmk?  And the function that must not be there: -EPERM. */
static int is_cmk(unsigned long addr)
{
	char name[KSYM_SYMBOL_LEN];
	char *text;

	if (addr < MODULES_VADDR || addr >= MODULES_END)
		return 0;
	sprint_symbol_no_offset(name, addr);
	text = strstr(name, " " TEXT);
	if (!text)
		return 0;
	*text = '\0';
	return strcmp(name, without) ? 1 : -EPERM;
}

/* The first frames are ours, up to the caller of what is probed. */
static bool from_cmk(struct pt_regs *regs)
{
	unsigned long stack[OWN_FRAMES + DEPTH_MAX];
	unsigned long caller = *(unsigned long *)regs->sp;
	unsigned int nr, i, end;
	int r = 0;

	nr = stack_trace_save(stack, min_t(unsigned int, ARRAY_SIZE(stack),
					   OWN_FRAMES + READ_ONCE(depth)), 0);
	for (i = 0; i < nr && stack[i] != caller; i++)
		;
	end = min(nr, i + READ_ONCE(depth));
	for (; i < end && r >= 0; i++)
		r = is_cmk(stack[i]) ?: r;
	return r > 0;
}

static bool may_fail(const struct probe *probe, struct pt_regs *regs)
{
	return probe->gfp < 0 || !(regs_get_kernel_argument(regs, probe->gfp) &
				   (__force unsigned long)__GFP_NOFAIL);
}

static int before(struct kprobe *kp, struct pt_regs *regs)
{
	struct probe *probe = container_of(kp, struct probe, kp);
	unsigned int first = READ_ONCE(from);
	unsigned int n;

	if (!first || strncmp(current->comm, task, strlen(task)) ||
	    !may_fail(probe, regs) || !from_cmk(regs))
		return 0;
	n = atomic_inc_return(&seen);
	if (n < first || n - first >= READ_ONCE(times))
		return 0;
	atomic_inc(&failed);
	regs->ip = probe->cipher ? (unsigned long)broken :
				   (unsigned long)none;
	return 1;
}

/* Who changes where to go on must have one. */
static void after(struct kprobe *kp, struct pt_regs *regs, unsigned long flags)
{
}

static struct kprobe *armed[ARRAY_SIZE(probes)];
static int nr_armed;

/* All at once: they wait for a grace period. */
static void cmk_fail_exit(void)
{
	unregister_kprobes(armed, nr_armed);
}

static int __init cmk_fail_init(void)
{
	unsigned int i;
	int r;

	for (i = 0; i < ARRAY_SIZE(probes); i++) {
		if (probes[i].cipher != cipher)
			continue;
		probes[i].kp.symbol_name = probes[i].name;
		probes[i].kp.pre_handler = before;
		probes[i].kp.post_handler = after;
		r = register_kprobe(&probes[i].kp);
		if (!r) {
			armed[nr_armed++] = &probes[i].kp;
		} else if (r != -ENOENT) {
			cmk_fail_exit();
			return r;
		}
	}
	return 0;
}

module_init(cmk_fail_init);
module_exit(cmk_fail_exit);
MODULE_DESCRIPTION("Failing allocations and ciphers of dm-cmk");
MODULE_LICENSE("GPL");
