/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The control socket in the folder: one JSON array of arguments a connection,
 * one JSON object back.
 */
#ifndef KVEMU_CTLSOCK_H
#define KVEMU_CTLSOCK_H

#include <jansson.h>

/** ctlsock_listen() - make the socket; descriptor or negative errno */
int ctlsock_listen(int dir);

/** ctlsock_connect() - reach a running kvemu; descriptor or negative errno */
int ctlsock_connect(int dir);

/**
 * ctlsock_accept() - take one command
 * @fd: listening socket, readable
 * @argv: the command, freed by the caller
 *
 * Return: connection to answer on, or a negative errno.
 */
int ctlsock_accept(int fd, json_t **argv);

/** ctlsock_send() - send one JSON value and end the direction */
int ctlsock_send(int conn, const json_t *json);

/** ctlsock_receive() - read one JSON value up to the end, or NULL */
json_t *ctlsock_receive(int conn);

#endif
