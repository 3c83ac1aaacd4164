/* SPDX-License-Identifier: GPL-2.0 */
#ifndef CMK_POWER_H
#define CMK_POWER_H

int cmk_power_init(void);
void cmk_power_exit(void);

#endif
