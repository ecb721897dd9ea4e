// SPDX-License-Identifier: MIT
//
// A weight of 22 fraction bits does not fit the 16-bit multiply-and-add (vpmaddwd), which does two taps at once. So
// weight = high * 4096 + low with 0 <= low < 4096, and sum(weight * pixel) = sum(high * pixel) * 4096 +
// sum(low * pixel): integers all the way, hence the same bytes as one 32-bit product a tap.

#include "resample_avx2.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <stdlib.h>
#include <string.h>

#define AVX2 __attribute__((target("avx2")))
#define AVX2_INLINE __attribute__((target("avx2"), always_inline)) static inline

enum { FRACTION_BITS = 22, LOW_BITS = 12, LOAD_BYTES = 16, ROWS_AT_ONCE = 4 };

int cpicture_has_avx2(void) {
    return __builtin_cpu_supports("avx2");
}

typedef struct split_weights {
    int16_t *low;  // [output_count * stride]
    int16_t *high; // the same, in the same block
} split_weights;

static int split(const cpicture_taps *taps, split_weights *weights) {
    size_t count;
    size_t byte_count;
    if (__builtin_mul_overflow(taps->output_count, taps->stride, &count))
        return 0;
    if (__builtin_mul_overflow(count, 2 * sizeof(int16_t), &byte_count))
        return 0;
    weights->low = malloc(byte_count);
    if (weights->low == NULL)
        return 0;
    weights->high = weights->low + count;
    for (size_t i = 0; i < count; i++) {
        weights->low[i] = (int16_t)(taps->weights[i] & ((1 << LOW_BITS) - 1));
        weights->high[i] = (int16_t)(taps->weights[i] >> LOW_BITS);
    }
    return 1;
}

// Eight sums to eight rounded values, not yet clamped: packing does that.
AVX2_INLINE __m256i finish(__m256i low, __m256i high) {
    __m256i sum = _mm256_add_epi32(low, _mm256_slli_epi32(high, LOW_BITS));
    sum = _mm256_add_epi32(sum, _mm256_set1_epi32(1 << (FRACTION_BITS - 1)));
    return _mm256_srai_epi32(sum, FRACTION_BITS);
}

// One output pixel of each of `height` rows (a constant after inlining). Four taps a step: a load of 16 bytes holds
// five pixels, of which the shuffle takes pixels 0 and 1 to the lower half and 2 and 3 to the upper half, as pairs of
// 16-bit numbers in the order red, green, blue, nothing.
AVX2_INLINE void resample_pixel(const uint8_t *const *rows, int height, const int16_t *low, const int16_t *high,
                                int step_count, uint8_t *target, size_t target_stride) {
    const __m256i arrange = _mm256_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1, 6, -1, 9, -1, 7,
                                             -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1);
    const __m256i spread = _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1);
    __m256i low_sums[ROWS_AT_ONCE];
    __m256i high_sums[ROWS_AT_ONCE];
    for (int row = 0; row < height; row++)
        low_sums[row] = high_sums[row] = _mm256_setzero_si256();
    for (int step = 0; step < step_count; step++) {
        __m128i four_low = _mm_loadl_epi64((const __m128i *)(low + 4 * step));
        __m128i four_high = _mm_loadl_epi64((const __m128i *)(high + 4 * step));
        __m256i low_pairs = _mm256_permutevar8x32_epi32(_mm256_castsi128_si256(four_low), spread);
        __m256i high_pairs = _mm256_permutevar8x32_epi32(_mm256_castsi128_si256(four_high), spread);
        for (int row = 0; row < height; row++) {
            __m128i bytes = _mm_loadu_si128((const __m128i *)(rows[row] + 12 * step));
            __m256i pixels = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(bytes), arrange);
            low_sums[row] = _mm256_add_epi32(low_sums[row], _mm256_madd_epi16(pixels, low_pairs));
            high_sums[row] = _mm256_add_epi32(high_sums[row], _mm256_madd_epi16(pixels, high_pairs));
        }
    }
    for (int row = 0; row < height; row++) {
        __m128i low_sum =
            _mm_add_epi32(_mm256_castsi256_si128(low_sums[row]), _mm256_extracti128_si256(low_sums[row], 1));
        __m128i high_sum =
            _mm_add_epi32(_mm256_castsi256_si128(high_sums[row]), _mm256_extracti128_si256(high_sums[row], 1));
        __m128i sum = _mm_add_epi32(low_sum, _mm_slli_epi32(high_sum, LOW_BITS));
        sum = _mm_srai_epi32(_mm_add_epi32(sum, _mm_set1_epi32(1 << (FRACTION_BITS - 1))), FRACTION_BITS);
        sum = _mm_packs_epi32(sum, sum);
        uint32_t packed = (uint32_t)_mm_cvtsi128_si32(_mm_packus_epi16(sum, sum));
        memcpy(target + (size_t)row * target_stride, &packed, 3);
    }
}

AVX2 static void resample_four_rows(const uint8_t *source, size_t row_byte_count, const cpicture_taps *taps,
                                    const split_weights *weights, uint8_t *output) {
    for (size_t x = 0; x < taps->output_count; x++) {
        const uint8_t *start = source + (size_t)taps->first[x] * 3;
        const uint8_t *rows[ROWS_AT_ONCE] = {start, start + row_byte_count, start + 2 * row_byte_count,
                                             start + 3 * row_byte_count};
        size_t at = x * taps->stride;
        resample_pixel(rows, ROWS_AT_ONCE, weights->low + at, weights->high + at, (taps->count[x] + 3) / 4,
                       output + 3 * x, taps->output_count * 3);
    }
}

AVX2 static void resample_one_row(const uint8_t *source, const cpicture_taps *taps, const split_weights *weights,
                                  uint8_t *output) {
    for (size_t x = 0; x < taps->output_count; x++) {
        const uint8_t *row = source + (size_t)taps->first[x] * 3;
        size_t at = x * taps->stride;
        resample_pixel(&row, 1, weights->low + at, weights->high + at, (taps->count[x] + 3) / 4, output + 3 * x, 0);
    }
}

cpicture_status cpicture_resample_rows_avx2(const uint8_t *source, size_t source_width, size_t row_count,
                                            const cpicture_taps *taps, uint8_t *output) {
    size_t row_byte_count = source_width * 3;
    size_t output_row_byte_count = taps->output_count * 3;
    split_weights weights;
    if (!split(taps, &weights))
        return CPICTURE_NO_MEMORY;
    uint8_t *padded_row = malloc(row_byte_count + LOAD_BYTES);
    if (padded_row == NULL) {
        free(weights.low);
        return CPICTURE_NO_MEMORY;
    }

    // Steps of four taps and loads of 16 bytes read up to 3 * 3 + 4 bytes past a row (times weight 0). Rows so near
    // the end of the source that this would leave it go through a copy with room behind.
    size_t y = 0;
    size_t safe_count = row_count;
    while (safe_count > 0 && (row_count - safe_count) * row_byte_count < LOAD_BYTES)
        safe_count--;
    for (; y + ROWS_AT_ONCE <= safe_count; y += ROWS_AT_ONCE) {
        resample_four_rows(source + y * row_byte_count, row_byte_count, taps, &weights,
                           output + y * output_row_byte_count);
    }
    for (; y < safe_count; y++) {
        resample_one_row(source + y * row_byte_count, taps, &weights, output + y * output_row_byte_count);
    }
    memset(padded_row + row_byte_count, 0, LOAD_BYTES);
    for (; y < row_count; y++) {
        memcpy(padded_row, source + y * row_byte_count, row_byte_count);
        resample_one_row(padded_row, taps, &weights, output + y * output_row_byte_count);
    }
    free(padded_row);
    free(weights.low);
    return CPICTURE_OK;
}

// 32 bytes of one output row. Two source rows a step: unpacking against each other, then against zero, leaves pairs
// of 16-bit numbers; packing at the end undoes the order.
AVX2_INLINE void resample_32_bytes(const uint8_t *rows, size_t source_stride, int32_t tap_count, const int16_t *low,
                                   const int16_t *high, uint8_t *target) {
    const __m256i zero = _mm256_setzero_si256();
    __m256i low_sums[4] = {zero, zero, zero, zero};
    __m256i high_sums[4] = {zero, zero, zero, zero};
    for (int32_t tap = 0; tap < tap_count; tap += 2) {
        const uint8_t *first_row = rows + (size_t)tap * source_stride;
        // An odd last tap is paired with itself; its partner's weight is 0.
        const uint8_t *second_row = tap + 1 < tap_count ? first_row + source_stride : first_row;
        int32_t low_pair, high_pair;
        memcpy(&low_pair, low + tap, sizeof low_pair);
        memcpy(&high_pair, high + tap, sizeof high_pair);
        __m256i low_pairs = _mm256_set1_epi32(low_pair);
        __m256i high_pairs = _mm256_set1_epi32(high_pair);
        __m256i first = _mm256_loadu_si256((const __m256i *)first_row);
        __m256i second = _mm256_loadu_si256((const __m256i *)second_row);
        __m256i front = _mm256_unpacklo_epi8(first, second);
        __m256i back = _mm256_unpackhi_epi8(first, second);
        __m256i quarters[4] = {_mm256_unpacklo_epi8(front, zero), _mm256_unpackhi_epi8(front, zero),
                               _mm256_unpacklo_epi8(back, zero), _mm256_unpackhi_epi8(back, zero)};
        for (int i = 0; i < 4; i++) {
            low_sums[i] = _mm256_add_epi32(low_sums[i], _mm256_madd_epi16(quarters[i], low_pairs));
            high_sums[i] = _mm256_add_epi32(high_sums[i], _mm256_madd_epi16(quarters[i], high_pairs));
        }
    }
    __m256i front = _mm256_packs_epi32(finish(low_sums[0], high_sums[0]), finish(low_sums[1], high_sums[1]));
    __m256i back = _mm256_packs_epi32(finish(low_sums[2], high_sums[2]), finish(low_sums[3], high_sums[3]));
    _mm256_storeu_si256((__m256i *)target, _mm256_packus_epi16(front, back));
}

AVX2 cpicture_status cpicture_resample_columns_avx2(const uint8_t *source, size_t source_stride, size_t row_byte_count,
                                                    const cpicture_taps *taps, uint8_t *output) {
    if (row_byte_count < CPICTURE_AVX2_ROW_MINIMUM)
        return CPICTURE_MISUSE;
    split_weights weights;
    if (!split(taps, &weights))
        return CPICTURE_NO_MEMORY;
    for (size_t y = 0; y < taps->output_count; y++) {
        const uint8_t *rows = source + (size_t)taps->first[y] * source_stride;
        const int16_t *low = weights.low + y * taps->stride;
        const int16_t *high = weights.high + y * taps->stride;
        uint8_t *target = output + y * row_byte_count;
        // The last block overlaps the one before it where the row is no multiple of 32 bytes.
        for (size_t start = 0; start < row_byte_count; start += 32) {
            size_t at = start + 32 <= row_byte_count ? start : row_byte_count - 32;
            resample_32_bytes(rows + at, source_stride, taps->count[y], low, high, target + at);
        }
    }
    free(weights.low);
    return CPICTURE_OK;
}

#else

int cpicture_has_avx2(void) {
    return 0;
}

cpicture_status cpicture_resample_rows_avx2(const uint8_t *source, size_t source_width, size_t row_count,
                                            const cpicture_taps *taps, uint8_t *output) {
    (void)source, (void)source_width, (void)row_count, (void)taps, (void)output;
    return CPICTURE_MISUSE;
}

cpicture_status cpicture_resample_columns_avx2(const uint8_t *source, size_t source_stride, size_t row_byte_count,
                                               const cpicture_taps *taps, uint8_t *output) {
    (void)source, (void)source_stride, (void)row_byte_count, (void)taps, (void)output;
    return CPICTURE_MISUSE;
}

#endif
