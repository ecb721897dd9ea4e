// SPDX-License-Identifier: MIT
//
// Pictures in and out of memory: JPEG, PNG and WebP to 8-bit RGB rows, RGB rows to PNG, and the two passes of the
// resampler. Every function is complete in itself: libjpeg and libpng report errors with longjmp, and no jump leaves
// the function that was called. Nothing is kept between calls, so every function may run on any thread.

#ifndef CPICTURE_H
#define CPICTURE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Outcome of a call. Any outcome but CPICTURE_OK comes with a text.
typedef enum cpicture_status {
    CPICTURE_OK = 0,
    CPICTURE_DAMAGED = 1,     // the bytes contradict the format
    CPICTURE_TRUNCATED = 2,   // the bytes end too early
    CPICTURE_UNSUPPORTED = 3, // a legal picture of a kind that is not decoded here
    CPICTURE_NO_MEMORY = 4,
    CPICTURE_MISUSE = 5 // a null pointer or a size that does not fit the buffer
} cpicture_status;

enum { CPICTURE_TEXT_CAPACITY = 256 };

// What a header says and what a decode met.
typedef struct cpicture_report {
    uint32_t width;
    uint32_t height;
    uint32_t warning_count;            // damage that was accepted; 0 unless allow_damage was given
    char text[CPICTURE_TEXT_CAPACITY]; // reason of a failure or of the first accepted damage; ends in 0
} cpicture_report;

// The three decoders share one form.
//
// bytes, count: the whole file. They are only read, during the call.
// allow_damage: 0 makes every sign of damage or truncation a failure; otherwise the picture is decoded as far as it
//     goes and what is missing is grey (JPEG) or black (PNG, WebP).
// pixels: null reads the header alone and fills width and height. Otherwise the rows are written there: width * 3
//     bytes each, red, green, blue, no gaps. pixel_byte_count must be width * height * 3 of the header.
// report: never null; overwritten.
cpicture_status cpicture_decode_jpeg(const uint8_t *bytes, size_t count, int allow_damage, uint8_t *pixels,
                                     size_t pixel_byte_count, cpicture_report *report);
cpicture_status cpicture_decode_png(const uint8_t *bytes, size_t count, int allow_damage, uint8_t *pixels,
                                    size_t pixel_byte_count, cpicture_report *report);
cpicture_status cpicture_decode_webp(const uint8_t *bytes, size_t count, int allow_damage, uint8_t *pixels,
                                     size_t pixel_byte_count, cpicture_report *report);

// Writes width * height RGB pixels (rows without gaps) as an 8-bit RGB PNG. compression is zlib's level, 0...9.
// On success *bytes is a block of *count bytes to be given back with cpicture_free; on failure it is null.
cpicture_status cpicture_encode_png(const uint8_t *pixels, uint32_t width, uint32_t height, int compression,
                                    uint8_t **bytes, size_t *count, cpicture_report *report);
void cpicture_free(void *block);

// Which code path the resampler takes. Both give the same bytes.
typedef enum cpicture_path {
    CPICTURE_FASTEST = 0, // AVX2 where the processor has it
    CPICTURE_PORTABLE = 1 // plain C
} cpicture_path;

// Taps of every output position along one axis.
typedef struct cpicture_taps {
    const int32_t *first;   // [output_count] index of the first source position
    const int32_t *count;   // [output_count] number of taps, 1...stride
    const int32_t *weights; // [output_count * stride] with 22 fraction bits; entries from count on are 0
    size_t output_count;
    size_t stride; // a multiple of 4, at least the largest count
} cpicture_taps;

// value = clamp((2^21 + sum(weight * source)) >> 22, 0, 255) in both passes. Sums must fit 32 bits, which weights that
// add up to about 1 with small negative lobes do.

// Rows of RGB pixels, source_width pixels each, to rows of taps->output_count pixels. Rows have no gaps. Every
// first + count must be at most source_width. Returns CPICTURE_NO_MEMORY when scratch memory cannot be had.
cpicture_status cpicture_resample_rows(const uint8_t *source, size_t source_width, size_t row_count,
                                       const cpicture_taps *taps, uint8_t *output, cpicture_path path);

// The first row_byte_count bytes of rows that lie source_stride bytes apart to taps->output_count rows without gaps.
// Every first + count must be at most the number of source rows.
cpicture_status cpicture_resample_columns(const uint8_t *source, size_t source_stride, size_t row_byte_count,
                                          const cpicture_taps *taps, uint8_t *output, cpicture_path path);

#ifdef __cplusplus
}
#endif

#endif
