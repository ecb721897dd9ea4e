// SPDX-License-Identifier: MIT
#include "cpu_kernels.h"
#pragma clang fp contract(fast)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

// 12 sums, 2 columns, 1 element: 15 of the 16 registers.
enum { LANES = 8, TILE_ROWS = 6, TILE_VECTORS = 2, SLAB = 256, ROW_BLOCK = 132 };
// Each file uses what the ones before it define.
// clang-format off
#include "vectors.inc"
#include "rows.inc"
#include "product.inc"
#include "groups.inc"
#include "elementwise.inc"
#include "norms.inc"
#include "reductions.inc"
#include "attention.inc"
#include "table.inc"
// clang-format on
const cpu_kernels cpu_kernels_avx2 = CPU_KERNELS("avx2");

#pragma clang attribute pop
