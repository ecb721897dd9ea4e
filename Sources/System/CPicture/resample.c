// SPDX-License-Identifier: MIT

#include "cpicture.h"
#include "resample_avx2.h"

enum { FRACTION_BITS = 22, BLOCK = 64 };

static uint8_t clamp_byte(int32_t value) {
    value >>= FRACTION_BITS;
    return value < 0 ? 0 : value > 255 ? 255 : (uint8_t)value;
}

static void resample_rows_portable(const uint8_t *source, size_t source_width, size_t row_count,
                                   const cpicture_taps *taps, uint8_t *output) {
    for (size_t y = 0; y < row_count; y++) {
        const uint8_t *row = source + y * source_width * 3;
        uint8_t *target = output + y * taps->output_count * 3;
        for (size_t x = 0; x < taps->output_count; x++) {
            const uint8_t *pixel = row + (size_t)taps->first[x] * 3;
            const int32_t *weights = taps->weights + x * taps->stride;
            int32_t red = 1 << (FRACTION_BITS - 1), green = red, blue = red;
            for (int32_t tap = 0; tap < taps->count[x]; tap++, pixel += 3) {
                red += pixel[0] * weights[tap];
                green += pixel[1] * weights[tap];
                blue += pixel[2] * weights[tap];
            }
            target[3 * x] = clamp_byte(red);
            target[3 * x + 1] = clamp_byte(green);
            target[3 * x + 2] = clamp_byte(blue);
        }
    }
}

// Blocks of one row, so that the sums stay in registers or the first cache while the taps walk down.
static void resample_columns_portable(const uint8_t *source, size_t source_stride, size_t row_byte_count,
                                      const cpicture_taps *taps, uint8_t *output) {
    for (size_t y = 0; y < taps->output_count; y++) {
        const uint8_t *rows = source + (size_t)taps->first[y] * source_stride;
        const int32_t *weights = taps->weights + y * taps->stride;
        uint8_t *target = output + y * row_byte_count;
        for (size_t start = 0; start < row_byte_count; start += BLOCK) {
            size_t count = row_byte_count - start < BLOCK ? row_byte_count - start : BLOCK;
            int32_t sums[BLOCK];
            for (size_t i = 0; i < BLOCK; i++)
                sums[i] = 1 << (FRACTION_BITS - 1);
            for (int32_t tap = 0; tap < taps->count[y]; tap++) {
                const uint8_t *bytes = rows + (size_t)tap * source_stride + start;
                int32_t weight = weights[tap];
                for (size_t i = 0; i < count; i++)
                    sums[i] += bytes[i] * weight;
            }
            for (size_t i = 0; i < count; i++)
                target[start + i] = clamp_byte(sums[i]);
        }
    }
}

cpicture_status cpicture_resample_rows(const uint8_t *source, size_t source_width, size_t row_count,
                                       const cpicture_taps *taps, uint8_t *output, cpicture_path path) {
    if (source == NULL || output == NULL || taps->stride % 4 != 0)
        return CPICTURE_MISUSE;
    if (path == CPICTURE_FASTEST && cpicture_has_avx2()) {
        return cpicture_resample_rows_avx2(source, source_width, row_count, taps, output);
    }
    resample_rows_portable(source, source_width, row_count, taps, output);
    return CPICTURE_OK;
}

cpicture_status cpicture_resample_columns(const uint8_t *source, size_t source_stride, size_t row_byte_count,
                                          const cpicture_taps *taps, uint8_t *output, cpicture_path path) {
    if (source == NULL || output == NULL || taps->stride % 4 != 0 || row_byte_count > source_stride) {
        return CPICTURE_MISUSE;
    }
    // Narrower rows than one vector are not worth a special case.
    if (path == CPICTURE_FASTEST && row_byte_count >= CPICTURE_AVX2_ROW_MINIMUM && cpicture_has_avx2()) {
        return cpicture_resample_columns_avx2(source, source_stride, row_byte_count, taps, output);
    }
    resample_columns_portable(source, source_stride, row_byte_count, taps, output);
    return CPICTURE_OK;
}
