/* SPDX-License-Identifier: GPL-2.0 */
/*
 * `kvemu ctl`: the control interface for people and shell scripts.
 */
#ifndef KVEMU_CTL_H
#define KVEMU_CTL_H

/**
 * ctl_main() - run one control command
 * @argc: number of @argv
 * @argv: "ctl" and its arguments
 *
 * Return: exit status: 0 done, 1 refused, 2 usage or no running kvemu.
 */
int ctl_main(int argc, char **argv);

#endif
