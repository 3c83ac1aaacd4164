/* SPDX-License-Identifier: GPL-2.0 */
/*
 * libcurl's multi handle on an sd-event loop, and the memory that libcurl
 * works in.  Private to http.c: together they are all that knows libcurl.
 */
#ifndef CMK_HTTP_LOOP_H
#define CMK_HTTP_LOOP_H

#include <curl/curl.h>
#include <systemd/sd-event.h>

/* A transfer has ended; @easy is still in the multi handle. */
typedef void (*cmk_http_loop_done_t)(CURL *easy, CURLcode code);

struct cmk_http_loop {
	sd_event *event;
	sd_event_source *timer;
	CURLM *multi;
	cmk_http_loop_done_t done;
};

/**
 * cmk_http_loop_init() - make a multi handle that runs on @event
 * @max_per_host: connections to one host and port; more transfers wait
 *
 * Return: 0 or negative errno; call cmk_http_loop_fini() after both.
 */
int cmk_http_loop_init(struct cmk_http_loop *loop, sd_event *event,
		       long max_per_host, cmk_http_loop_done_t done);

/* All easy handles must have been removed before. */
void cmk_http_loop_fini(struct cmk_http_loop *loop);

#endif
