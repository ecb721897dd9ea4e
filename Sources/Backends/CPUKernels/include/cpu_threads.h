// SPDX-License-Identifier: MIT
#ifndef BEASTS_CPU_THREADS_H
#define BEASTS_CPU_THREADS_H

#include <stdint.h>

/// Calls `body(context, part)` for each part in [0, parts), each on a thread of its own as far as the system gives
/// them, and returns when all are done.
///
/// The threads are those of GNU's OpenMP runtime, which oneDNN computes on too: one pool, so that neither waits for
/// processors that the other holds. The runtime is opened at first use, told to sleep soon between calls
/// (GOMP_SPINCOUNT, unless the user has set it or OMP_WAIT_POLICY); without it the parts run one after the other.
void cpu_parallel(int32_t parts, void (*body)(void *context, int32_t part), void *context);

/// Opens the runtime now, if no library has: it reads how to wait when it is loaded, so this comes before any other
/// library that computes on it.
void cpu_threads_load(void);

/// Opens the runtime now and makes `count` its width for the calling thread. Answers 0 where there is none.
int32_t cpu_threads_open(int32_t count);

/// Processors that this process may run on: its affinity, bounded by the quota of its control group.
int32_t cpu_threads_available(void);

#endif
