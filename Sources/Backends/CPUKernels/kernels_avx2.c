// SPDX-License-Identifier: MIT
#include "cpu_kernels.h"
#pragma clang fp contract(fast)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

// 12 sums, 2 columns, 1 element: 15 of the 16 registers.
#define LANES 8
enum { TILE_ROWS = 6, TILE_VECTORS = 2, SLAB = 256, ROW_BLOCK = 132, FETCHES_SLABS = 1 };
// Pairs as two multiply-adds: how the paired kernels are tested where the processor has no instruction for them.
#define DOT_PAIRS(sum, left, right) add_widened_pairs(sum, left, right)
// Each file uses what the ones before it define.
// clang-format off
#include "vectors.inc"
#include "rows.inc"
#include "product.inc"
#include "groups.inc"
#include "elementwise.inc"
#include "norms.inc"
#include "group_norm.inc"
#include "reductions.inc"
#include "attention.inc"
#define WIDE_TILES 0
#include "attention_pairs.inc"
#include "product_pairs.inc"
#define DOT_QUADS(sum, left, right) add_widened_quads(sum, left, right)
#include "product_quads.inc"
#include "table.inc"
// clang-format on
const cpu_kernels cpu_kernels_avx2 = CPU_KERNELS("avx2", 0);

#pragma clang attribute pop
