// SPDX-License-Identifier: GPL-2.0
/*
 * libcurl's multi handle on an sd-event loop: its sockets and its timer as
 * event sources, and allocators that wipe what libcurl frees.
 */
#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include "http-loop.h"
#include "secret.h"

/* libcurl's memory: requests hold tokens, receive buffers hold keys. */
static void wiping_free(void *p)
{
	if (!p)
		return;
	cmk_wipe(p, malloc_usable_size(p));
	free(p);
}

static void *wiping_realloc(void *p, size_t size)
{
	size_t old = p ? malloc_usable_size(p) : 0;
	void *new = malloc(size);

	if (!new)
		return NULL;
	if (p)
		memcpy(new, p, old < size ? old : size);
	wiping_free(p);
	return new;
}

static int global_init(void)
{
	static bool done;

	if (done)
		return 0;
	if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, wiping_free,
				 wiping_realloc, strdup, calloc))
		return -EIO;
	done = true;
	return 0;
}

static void finish_all(struct cmk_http_loop *loop)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(loop->multi, &left))) {
		if (msg->msg == CURLMSG_DONE)
			loop->done(msg->easy_handle, msg->data.result);
	}
}

static int on_socket_ready(sd_event_source *s, int fd, uint32_t revents,
			   void *userdata)
{
	struct cmk_http_loop *loop = userdata;
	int running, what = 0;

	if (revents & EPOLLIN)
		what |= CURL_CSELECT_IN;
	if (revents & EPOLLOUT)
		what |= CURL_CSELECT_OUT;
	if (revents & (EPOLLERR | EPOLLHUP))
		what |= CURL_CSELECT_ERR;
	curl_multi_socket_action(loop->multi, fd, what, &running);
	finish_all(loop);
	return 0;
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata)
{
	struct cmk_http_loop *loop = userdata;
	int running;

	curl_multi_socket_action(loop->multi, CURL_SOCKET_TIMEOUT, 0,
				 &running);
	finish_all(loop);
	return 0;
}

/* CURLMOPT_SOCKETFUNCTION; the socket's pointer is its event source. */
static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *userdata,
			void *socketp)
{
	struct cmk_http_loop *loop = userdata;
	sd_event_source *source = socketp;
	uint32_t events = 0;

	if (what == CURL_POLL_REMOVE) {
		sd_event_source_disable_unref(source);
		return 0;
	}
	if (what & CURL_POLL_IN)
		events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		events |= EPOLLOUT;
	if (source)
		return sd_event_source_set_io_events(source, events) < 0 ?
			-1 : 0;
	if (sd_event_add_io(loop->event, &source, fd, events, on_socket_ready,
			    loop) < 0)
		return -1;
	curl_multi_assign(loop->multi, fd, source);
	return 0;
}

/* CURLMOPT_TIMERFUNCTION */
static int set_timer(CURLM *multi, long ms, void *userdata)
{
	struct cmk_http_loop *loop = userdata;

	if (ms < 0)
		return sd_event_source_set_enabled(loop->timer, SD_EVENT_OFF);
	if (sd_event_source_set_time_relative(loop->timer, ms * 1000ULL) < 0 ||
	    sd_event_source_set_enabled(loop->timer, SD_EVENT_ONESHOT) < 0)
		return -1;
	return 0;
}

static int set_multi(struct cmk_http_loop *loop, long max_per_host)
{
	CURLM *multi = curl_multi_init();
	int bad = 0;

	if (!multi)
		return -ENOMEM;
	loop->multi = multi;
	bad |= curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	bad |= curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, loop);
	bad |= curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, set_timer);
	bad |= curl_multi_setopt(multi, CURLMOPT_TIMERDATA, loop);
	bad |= curl_multi_setopt(multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
	bad |= curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS,
				 max_per_host);
	return bad ? -EIO : 0;
}

int cmk_http_loop_init(struct cmk_http_loop *loop, sd_event *event,
		       long max_per_host, cmk_http_loop_done_t done)
{
	int r = global_init();

	if (r)
		return r;
	loop->event = sd_event_ref(event);
	loop->done = done;
	r = sd_event_add_time_relative(event, &loop->timer, CLOCK_MONOTONIC, 0,
				       1000, on_timer, loop);
	if (r < 0)
		return r;
	r = sd_event_source_set_enabled(loop->timer, SD_EVENT_OFF);
	if (r < 0)
		return r;
	return set_multi(loop, max_per_host);
}

void cmk_http_loop_fini(struct cmk_http_loop *loop)
{
	if (loop->multi)
		curl_multi_cleanup(loop->multi);
	loop->multi = NULL;
	loop->timer = sd_event_source_disable_unref(loop->timer);
	loop->event = sd_event_unref(loop->event);
}
