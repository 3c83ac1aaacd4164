// SPDX-License-Identifier: GPL-2.0
/*
 * The one thread beside the event loop.  No lock is needed: while it runs, it
 * alone touches the key and the error, and the loop looks at them after it has
 * joined it.  It handles no struct cmk_secret, whose allocator knows one thread
 * only; OpenSSL's own memory is any thread's, and wiped when freed (crypto.c).
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "keygen.h"

#define STACK_BYTES	(256 << 10)	/* of it all that is used is locked */

/**
 * struct cmk_keygen - one key in the making
 * @thread, @running: the thread, not yet joined; the loop's
 * @stop: set by the loop, read by the thread
 * @fd: the thread writes when it is done; the loop opens and closes it
 * @source: the loop's, on @fd
 * @bits: constant
 * @key, @error: the thread's until it is joined, then the loop's
 * @done, @userdata: the loop's
 */
struct cmk_keygen {
	pthread_t thread;
	bool running;
	atomic_bool stop;
	int fd;
	sd_event_source *source;
	unsigned int bits;
	struct cmk_rsa *key;
	struct cmk_error error;
	cmk_keygen_done_t done;
	void *userdata;
};

static void *make(void *arg)
{
	struct cmk_keygen *g = arg;

	cmk_rsa_generate(&g->key, g->bits, &g->stop, &g->error);
	eventfd_write(g->fd, 1);
	return NULL;
}

static void join(struct cmk_keygen *g)
{
	if (g->running)
		pthread_join(g->thread, NULL);
	g->running = false;
}

void cmk_keygen_stop(struct cmk_keygen *g)
{
	if (!g)
		return;
	atomic_store(&g->stop, true);
	join(g);
	cmk_rsa_free(g->key);
	sd_event_source_disable_unref(g->source);
	if (g->fd >= 0)
		close(g->fd);
	free(g);
}

static int on_made(sd_event_source *s, int fd, uint32_t revents,
		   void *userdata)
{
	struct cmk_keygen *g = userdata;

	join(g);
	g->done(g->key, &g->error, g->userdata);
	cmk_keygen_stop(g);
	return 0;
}

/* All signals are for the loop, so the thread is born with none. */
static int start_thread(struct cmk_keygen *g)
{
	sigset_t all, old;
	pthread_attr_t attr;
	int r = pthread_attr_init(&attr);

	if (r)
		return -r;
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&g->thread, &attr, make, g);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	g->running = !r;
	return -r;
}

static int start(struct cmk_keygen *g, sd_event *event)
{
	int r;

	g->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (g->fd < 0)
		return -errno;
	r = sd_event_add_io(event, &g->source, g->fd, EPOLLIN, on_made, g);
	return r < 0 ? r : start_thread(g);
}

int cmk_keygen_start(struct cmk_keygen **ret, sd_event *event,
		     unsigned int bits, cmk_keygen_done_t done, void *userdata,
		     struct cmk_error *e)
{
	struct cmk_keygen *g = calloc(1, sizeof(*g));
	int r = g ? 0 : -ENOMEM;

	if (g) {
		g->bits = bits;
		g->done = done;
		g->userdata = userdata;
		r = start(g, event);
	}
	if (r < 0) {
		cmk_keygen_stop(g);
		return cmk_error_set(e, CMK_FAILED, r, "rsa-generate",
				     "cannot begin to make an RSA key: %s",
				     strerror(-r));
	}
	*ret = g;
	return 0;
}
