// SPDX-License-Identifier: MIT
//
// Memory of packed weights, in huge pages where the system has them.
//
// Products read a weight from end to end. In small pages a twentieth of the time goes into finding them, and many
// weights are smaller than a huge page: so they share blocks. A block goes when all its pieces have come back, for
// weights come and go with their model. A pool is used by one thread at a time.
#ifndef BEASTS_CPU_POOL_H
#define BEASTS_CPU_POOL_H

#include <stddef.h>
#include <stdint.h>

/// All zeros is an empty pool.
typedef struct cpu_pool {
    struct cpu_block *blocks;
    /// Large pieces come with their pages, got by so many threads; 0 where those come as they are written.
    int32_t threads;
} cpu_pool;

/// A piece of at least `byte_count` bytes, 64-byte aligned; null where there is no memory.
void *cpu_pool_allocate(cpu_pool *pool, size_t byte_count);
/// Gives a piece back; null is nothing.
void cpu_pool_release(cpu_pool *pool, void *piece);
/// Moves all pieces to huge pages; they stay where they are for whoever reads them. What the system cannot move stays.
void cpu_pool_settle(cpu_pool *pool);
/// Gives all pieces back.
void cpu_pool_clear(cpu_pool *pool);

#endif
