// SPDX-License-Identifier: MIT
#include "cpu_pool.h"

#include "cpu_threads.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

// Linux 5.14 and 6.1; older headers lack them, and older systems say that they do.
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

enum { PAGE = 4096, HUGE_PAGE = 2 << 20, BLOCK_SIZE = 8 * HUGE_PAGE, ALIGNMENT = 64, LARGE_PIECE = 1 << 20 };

typedef struct cpu_block {
    char *base;
    size_t size, used;
    /// Where the piece that was given out last begins; SIZE_MAX where that came back.
    size_t last;
    /// Bytes from the base that were moved.
    size_t settled;
    /// Pieces that were given out and not given back.
    int64_t pieces;
    struct cpu_block *next;
} cpu_block;

static size_t rounded_up(size_t size, size_t unit) {
    return (size + unit - 1) / unit * unit;
}

/// Room for `size` bytes at least, before the other blocks.
static cpu_block *add_block(cpu_pool *pool, size_t size) {
    cpu_block *block = calloc(1, sizeof *block);
    if (!block)
        return 0;
    block->size = size > BLOCK_SIZE ? rounded_up(size, HUGE_PAGE) : BLOCK_SIZE;
    block->base = aligned_alloc(HUGE_PAGE, block->size);
    if (!block->base) {
        free(block);
        return 0;
    }
    // Pages that nothing touches are never given to the process, so that a block may be larger than its pieces.
    block->next = pool->blocks;
    pool->blocks = block;
    return block;
}

static void free_block(cpu_block *block) {
    free(block->base);
    free(block);
}

typedef struct fresh_piece {
    uintptr_t first, last;
    int32_t parts;
} fresh_piece;

static void populate_part(void *context, int32_t part) {
    const fresh_piece *piece = context;
    uintptr_t pages = (piece->last - piece->first) / PAGE;
    uintptr_t first = piece->first + pages * (uintptr_t)part / (uintptr_t)piece->parts * PAGE;
    uintptr_t last = piece->first + pages * (uintptr_t)(part + 1) / (uintptr_t)piece->parts * PAGE;
    // Where the system cannot, the pages come as they are written.
    madvise((void *)first, last - first, MADV_POPULATE_WRITE);
}

/// Pages that come one by one while a piece is written cost half as much again.
static void populate(void *address, size_t size, int32_t threads) {
    uintptr_t first = (uintptr_t)address / PAGE * PAGE, last = rounded_up((uintptr_t)address + size, PAGE);
    fresh_piece piece = {first, last, threads};
    cpu_parallel(threads, populate_part, &piece);
}

void *cpu_pool_allocate(cpu_pool *pool, size_t byte_count) {
    if (byte_count > SIZE_MAX / 2)
        return 0;
    size_t size = rounded_up(byte_count ? byte_count : 1, ALIGNMENT);
    cpu_block *block = pool->blocks;
    while (block && block->size - block->used < size)
        block = block->next;
    if (!block)
        block = add_block(pool, size);
    if (!block)
        return 0;
    char *piece = block->base + block->used;
    block->last = block->used;
    block->used += size;
    block->pieces++;
    if (size >= LARGE_PIECE && pool->threads > 0)
        populate(piece, size, pool->threads);
    return piece;
}

void cpu_pool_release(cpu_pool *pool, void *piece) {
    if (!piece)
        return;
    for (cpu_block **place = &pool->blocks; *place; place = &(*place)->next) {
        cpu_block *block = *place;
        uintptr_t offset = (uintptr_t)piece - (uintptr_t)block->base;
        if (offset >= block->size)
            continue;
        if (--block->pieces == 0) {
            *place = block->next;
            free_block(block);
        } else if (offset == block->last) {
            block->used = block->last;
            block->last = SIZE_MAX;
            if (block->settled > block->used)
                block->settled = block->used / HUGE_PAGE * HUGE_PAGE;
        }
        return;
    }
}

void cpu_pool_settle(cpu_pool *pool) {
    for (cpu_block *block = pool->blocks; block; block = block->next) {
        // A huge page that is not full would make the process larger.
        size_t whole = block->used / HUGE_PAGE * HUGE_PAGE;
        if (whole <= block->settled)
            continue;
        void *first = block->base + block->settled;
        size_t size = whole - block->settled;
        if (madvise(first, size, MADV_COLLAPSE)) {
            // What lacks pages now may find some the next time.
            if (errno != EINVAL)
                continue;
            // Older systems move them in time, when asked to.
            madvise(first, size, MADV_HUGEPAGE);
        }
        block->settled = whole;
    }
}

void cpu_pool_clear(cpu_pool *pool) {
    while (pool->blocks) {
        cpu_block *block = pool->blocks;
        pool->blocks = block->next;
        free_block(block);
    }
}
