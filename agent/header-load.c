// SPDX-License-Identifier: GPL-2.0
/*
 * The process that reads a header, and what starts it.  It is this program
 * again and not a fork: a copy of the agent's memory would keep for as long as
 * the disk hangs what the agent wipes.  What it has read comes back in memory
 * that both have, as it lies in a struct cmk_header.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "header-internal.h"
#include "header-load.h"

#define REPLY_FD	3	/* in the process */

/**
 * struct reply - what comes back; the image follows
 * @done: written last
 * @e: if @e.err; else the rest is what was read
 * @capacity: slots for which there is room in the image
 */
struct reply {
	bool done;
	struct cmk_error e;
	uint32_t capacity;
	unsigned int valid, foreign, newest;
};

/**
 * struct cmk_header_load - one load
 * @reply_fd: memory that the process writes
 * @pid_fd: readable when the process has ended
 * @io: waits for that; this struct is freed with it
 * @done: NULL when nobody wants to know any more
 */
struct cmk_header_load {
	int reply_fd, pid_fd;
	sd_event_source *io;
	cmk_header_loaded_t done;
	void *userdata;
};

/* -- the process -- */

static bool send_all(const void *p, size_t len, off_t offset)
{
	return pwrite(REPLY_FD, p, len, offset) == (ssize_t)len;
}

int cmk_header_load_main(const char *path)
{
	struct cmk_header *h __cmk_header = NULL;
	struct reply reply = { .done = true };
	int fd;

	/* The agent's end is its end, unless the disk keeps it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!cmk_header_open(&fd, path, false, &reply.e) &&
	    !cmk_header_read(&h, fd, &reply.e)) {
		reply.capacity = le32toh(cmk_header_super(h)->capacity);
		reply.valid = h->valid;
		reply.foreign = h->foreign;
		reply.newest = h->newest;
		if (!send_all(h->image, h->io_size, sizeof(reply)))
			return CMK_FAILED;
	}
	return send_all(&reply, sizeof(reply), 0) ? CMK_OK : CMK_FAILED;
}

/* -- the agent -- */

static bool receive_all(int fd, void *p, size_t len, off_t offset)
{
	return pread(fd, p, len, offset) == (ssize_t)len;
}

static void *no_word(struct cmk_error *e)
{
	cmk_error_set(e, CMK_FAILED, -ECHILD, "header-reader",
		      "the process that reads the header has ended without a word");
	return NULL;
}

/* Return: what it has read, or NULL with @e */
static struct cmk_header *receive(int fd, struct cmk_error *e)
{
	struct cmk_header *h;
	struct reply reply;

	if (!receive_all(fd, &reply, sizeof(reply), 0) || !reply.done)
		return no_word(e);
	if (reply.e.err) {
		*e = reply.e;
		return NULL;
	}
	h = cmk_header_alloc(reply.capacity);
	if (!h) {
		cmk_error_set(e, CMK_FAILED, -ENOMEM, "no-memory",
			      "no memory for a header");
		return NULL;
	}
	if (!receive_all(fd, h->image, h->io_size, sizeof(reply))) {
		cmk_header_free(h);
		return no_word(e);
	}
	h->valid = reply.valid;
	h->foreign = reply.foreign;
	h->newest = reply.newest;
	return h;
}

static void load_free(void *userdata)
{
	struct cmk_header_load *l = userdata;

	if (l->pid_fd >= 0)
		close(l->pid_fd);
	if (l->reply_fd >= 0)
		close(l->reply_fd);
	free(l);
}

static void finish(struct cmk_header_load *l)
{
	struct cmk_error e = { .err = 0 };
	cmk_header_loaded_t done = l->done;
	void *userdata = l->userdata;
	struct cmk_header *h;
	siginfo_t si;

	waitid(P_PIDFD, l->pid_fd, &si, WEXITED | WNOHANG);
	if (!done) {
		sd_event_source_set_floating(l->io, false);
		return;
	}
	h = receive(l->reply_fd, &e);
	sd_event_source_disable_unref(l->io);
	done(h, h ? NULL : &e, userdata);
}

static int on_end(sd_event_source *s, int fd, uint32_t revents,
		  void *userdata)
{
	finish(userdata);
	return 0;
}

/*
 * It gets no signal that is ignored or blocked here, and nothing that is open:
 * libcurl has sockets that an exec does not close.
 */
static int spawn(pid_t *ret, int reply_fd, const char *path)
{
	char *argv[] = { "cmkd", CMK_HEADER_LOAD_OPTION, (char *)path, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t all, none;
	int r;

	sigfillset(&all);
	sigemptyset(&none);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK |
				 POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawn_file_actions_init(&actions);
	r = posix_spawn_file_actions_adddup2(&actions, reply_fd, REPLY_FD);
	if (!r)
		r = posix_spawn_file_actions_addclosefrom_np(&actions,
							     REPLY_FD + 1);
	if (!r)
		r = posix_spawn(ret, "/proc/self/exe", &actions, &attr, argv,
				environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	return -r;
}

static int wait_for(struct cmk_header_load *l, sd_event *event, pid_t pid)
{
	int r;

	l->pid_fd = pidfd_open(pid, 0);
	if (l->pid_fd < 0)
		return -errno;
	r = sd_event_add_io(event, &l->io, l->pid_fd, EPOLLIN, on_end, l);
	if (r < 0)
		return r;
	sd_event_source_set_destroy_callback(l->io, load_free);
	return 0;
}

static int start(struct cmk_header_load *l, sd_event *event, const char *path)
{
	pid_t pid;
	int r;

	l->reply_fd = memfd_create("cmk-header", MFD_CLOEXEC);
	if (l->reply_fd < 0)
		return -errno;
	r = spawn(&pid, l->reply_fd, path);
	if (r)
		return r;
	r = wait_for(l, event, pid);
	if (r) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, WNOHANG);
	}
	return r;
}

int cmk_header_load_start(struct cmk_header_load **ret, sd_event *event,
			  const char *path, cmk_header_loaded_t done,
			  void *userdata, struct cmk_error *e)
{
	struct cmk_header_load *l = calloc(1, sizeof(*l));
	int r = -ENOMEM;

	if (l) {
		l->reply_fd = -1;
		l->pid_fd = -1;
		l->done = done;
		l->userdata = userdata;
		r = start(l, event, path);
	}
	if (!r) {
		*ret = l;
		return 0;
	}
	if (l)
		load_free(l);
	return cmk_error_set(e, CMK_FAILED, r, "header-reader",
			     "no process to read the header of %s: %s", path,
			     strerror(-r));
}

bool cmk_header_load_wait(struct cmk_header_load *l, uint64_t until)
{
	struct pollfd p = { .fd = l->pid_fd, .events = POLLIN };
	uint64_t now;
	int n;

	do {
		now = cmk_boottime();
		n = poll(&p, 1, until > now ? (until - now + 999) / 1000 : 0);
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		return false;
	finish(l);
	return true;
}

/* The loop keeps it until the process has ended, or ends itself before. */
void cmk_header_load_cancel(struct cmk_header_load *l)
{
	if (!l)
		return;
	l->done = NULL;
	pidfd_send_signal(l->pid_fd, SIGKILL, NULL, 0);
	sd_event_source_set_floating(l->io, true);
	sd_event_source_unref(l->io);
}
