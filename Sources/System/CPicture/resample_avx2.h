// SPDX-License-Identifier: MIT
//
// The AVX2 form of both resampling passes; on other processors the check answers no and the rest is never called.

#ifndef CPICTURE_RESAMPLE_AVX2_H
#define CPICTURE_RESAMPLE_AVX2_H

#include "cpicture.h"

enum { CPICTURE_AVX2_ROW_MINIMUM = 32 };

int cpicture_has_avx2(void);
cpicture_status cpicture_resample_rows_avx2(const uint8_t *source, size_t source_width, size_t row_count,
                                            const cpicture_taps *taps, uint8_t *output);
cpicture_status cpicture_resample_columns_avx2(const uint8_t *source, size_t source_stride, size_t row_byte_count,
                                               const cpicture_taps *taps, uint8_t *output);

#endif
