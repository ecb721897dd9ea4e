// SPDX-License-Identifier: MIT
#include "cpu_kernels.h"

#include <immintrin.h>
#pragma clang fp contract(fast)
// clang-format off
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,f16c"))), apply_to = function)
// clang-format on

// 24 sums, 4 columns, 1 element: 29 of the 32 registers.
#define LANES 16
enum { TILE_ROWS = 6, TILE_VECTORS = 4, SLAB = 384, ROW_BLOCK = 96, FETCHES_SLABS = 0 };
// Lane n is the element that lane n of `places` names.
#define PERMUTED(value, places) (vector) _mm512_permutexvar_ps((__m512i)(places), (__m512)(value))
#define RECIPROCAL_ESTIMATE(value) (vector) _mm512_rcp14_ps((__m512)(value))
// Pairs as two multiply-adds: how the paired kernels are tested where the processor has no instruction for them.
#define DOT_PAIRS(sum, left, right) add_widened_pairs(sum, left, right)
// Each file uses what the ones before it define.
// clang-format off
#include "vectors.inc"
#include "rows.inc"
#include "product.inc"
#include "strassen.inc"
#include "groups.inc"
#include "product_pairs.inc"
#include "group_pairs.inc"
#include "elementwise.inc"
#include "norms.inc"
#include "group_norm.inc"
#include "reductions.inc"
#include "attention.inc"
#define WIDE_TILES 1
#include "attention_pairs.inc"
#define DOT_QUADS(sum, left, right) add_widened_quads(sum, left, right)
#include "product_quads.inc"
#include "table.inc"
// clang-format on
const cpu_kernels cpu_kernels_avx512 = CPU_KERNELS("avx512", 0);

#pragma clang attribute pop
