// SPDX-License-Identifier: MIT
#include "cpu_kernels.h"

#include <immintrin.h>
#pragma clang fp contract(fast)
// clang-format off
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,avx512vnni,avx2,fma,f16c"))), apply_to = function)
// clang-format on

// 24 sums, 4 columns, 1 element: 29 of the 32 registers.
#define LANES 16
enum { TILE_ROWS = 6, TILE_VECTORS = 4, SLAB = 384, ROW_BLOCK = 96, FETCHES_SLABS = 0 };
// Lane n is the element that lane n of `places` names.
#define PERMUTED(value, places) (vector) _mm512_permutexvar_ps((__m512i)(places), (__m512)(value))
#define RECIPROCAL_ESTIMATE(value) (vector) _mm512_rcp14_ps((__m512)(value))
// The second vector's elements go above the first's.
#define ROUND_TO_PAIRS(first, second) (integers) _mm512_cvtne2ps_pbh((__m512)(second), (__m512)(first))
#define ROUND_TO_HALVES(value) (__m256i) _mm512_cvtneps_pbh((__m512)(value))
#define LARGER_OF(bound, value) (vector) _mm512_max_ps((__m512)(bound), (__m512)(value))
#define ROUND_TO_INTEGER(value) (vector) _mm512_roundscale_ps((__m512)(value), 8)
#define TIMES_POWER_OF_TWO(value, power) (vector) _mm512_scalef_ps((__m512)(value), (__m512)(power))
#define DOT_PAIRS(sum, left, right) (vector) _mm512_dpbf16_ps((__m512)(sum), (__m512bh)(left), (__m512bh)(right))
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
#define DOT_QUADS(sum, left, right) \
    (integers) _mm512_dpbusd_epi32((__m512i)(sum), (__m512i)(left), (__m512i)(right))
#include "product_quads.inc"
#include "table.inc"
// clang-format on
const cpu_kernels cpu_kernels_avx512_bf16 = CPU_KERNELS("avx512 with bfloat16", 1);

#pragma clang attribute pop
