/* SPDX-License-Identifier: GPL-2.0 */
#ifndef CMK_BENCHMARK_H
#define CMK_BENCHMARK_H

int cmk_benchmark_start(unsigned int sector_size);
void cmk_benchmark_stop(void);
void cmk_benchmark_exit(void);

#endif
