/* SPDX-License-Identifier: GPL-2.0 */
#ifndef CMK_SELFTEST_H
#define CMK_SELFTEST_H

int cmk_selftest(void);

#endif
