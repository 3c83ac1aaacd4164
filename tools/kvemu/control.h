/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The control interface: what an administrator of vault, directory and network
 * would do, and the switches.  Commands are argument vectors; they come from
 * `kvemu ctl` over a socket in the folder, or over HTTPS under /_kvemu/.
 * Whoever reaches the listener may use it: it is a test's tool.
 */
#ifndef KVEMU_CONTROL_H
#define KVEMU_CONTROL_H

#include "request.h"
#include "vault.h"

/**
 * control_run() - carry out a command
 * @v: unlocked vault
 * @argv: JSON array of strings, e.g. ["key", "delete", "pg"]
 *
 * Return: object with "ok", and either "error", or the result and
 * "boottime_us": CLOCK_BOOTTIME at which the act took effect.
 */
json_t *control_run(struct vault *v, const json_t *argv);

/** control_is_path() - does a request belong to the control interface? */
bool control_is_path(const char *path);

/**
 * control_http() - the same by HTTPS
 *
 * GET /_kvemu/state; POST /_kvemu/ctl {"argv":[..]};
 * POST /_kvemu/switch {"name":value,..}
 */
void control_http(struct vault *v, struct request *rq, struct reply *rp);

#endif
