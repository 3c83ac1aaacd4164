/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The request log: one JSON object a line in DIR/requests.log.
 */
#ifndef KVEMU_REQLOG_H
#define KVEMU_REQLOG_H

#include "request.h"

#define REQLOG_FILE "requests.log"

/** reqlog_open() - open the log of a folder for the whole run; 0 or -errno */
int reqlog_open(int dir);

/**
 * reqlog_write() - log an answer that is about to be sent
 *
 * Neither bodies nor tokens are logged: they hold keys and secrets.
 */
void reqlog_write(const struct request *rq, const struct reply *rp);

#endif
