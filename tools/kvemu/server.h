/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A listener: sockets, TLS and HTTP by libmicrohttpd, one thread per
 * connection, so that a slow answer delays nobody else.
 */
#ifndef KVEMU_SERVER_H
#define KVEMU_SERVER_H

#include "request.h"

struct server;

/** typedef server_fn - answers one request, called in a thread of its own */
typedef void (*server_fn)(void *data, struct request *rq, struct reply *rp);

/**
 * server_new() - a listener that does not listen yet
 * @address: "127.0.0.1:8443" or "[::1]:0"; port 0 takes any free one
 * @key: private key and
 * @cert: certificate for TLS, PEM, both borrowed; NULL for plain HTTP
 * @fn: handler
 * @data: its first argument
 *
 * Return: server, or NULL with errno set.
 */
struct server *server_new(const char *address, const char *key,
			  const char *cert, server_fn fn, void *data);

/**
 * server_start() - listen
 *
 * The first start chooses the port, later ones take it again.
 *
 * Return: 0 or a negative errno.
 */
int server_start(struct server *s);

/** server_stop() - close the listener and all of its connections */
void server_stop(struct server *s);

/** server_running() - does it listen? */
bool server_running(const struct server *s);

/** server_address() - "127.0.0.1:8443", with the true port once started */
const char *server_address(const struct server *s);

/** server_freep() - stop and free, for cleanup attributes */
void server_freep(struct server **s);

#endif
