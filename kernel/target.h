/* SPDX-License-Identifier: GPL-2.0 */
#ifndef CMK_TARGET_H
#define CMK_TARGET_H

int cmk_target_init(void);
void cmk_target_exit(void);

#endif
