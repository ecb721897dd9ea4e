// SPDX-License-Identifier: MIT

#include "cpicture.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <png.h>

// What the callbacks see; a jump leaves it intact.
typedef struct reader {
    const uint8_t *bytes;
    size_t count;
    size_t position;
    cpicture_report *report;
    int ran_out;
    char header_fault[96]; // libpng says what is wrong with a header in a warning, then stops with a bare error
} reader;

static void handle_error(png_structp png, png_const_charp text) {
    reader *state = png_get_error_ptr(png);
    if (state->header_fault[0] != 0) {
        snprintf(state->report->text, CPICTURE_TEXT_CAPACITY, "%s: %s", text, state->header_fault);
    } else {
        snprintf(state->report->text, CPICTURE_TEXT_CAPACITY, "%s", text);
    }
    png_longjmp(png, 1);
}

// Warnings alone never matter: chunks other than IHDR, PLTE and IDAT are not used.
static void handle_warning(png_structp png, png_const_charp text) {
    reader *state = png_get_error_ptr(png);
    if (state->report->width == 0 && state->header_fault[0] == 0) {
        snprintf(state->header_fault, sizeof state->header_fault, "%s", text);
    }
}

static void read_bytes(png_structp png, png_bytep target, size_t wanted) {
    reader *state = png_get_io_ptr(png);
    if (wanted > state->count - state->position) {
        state->ran_out = 1;
        png_error(png, "the data end too early");
    }
    memcpy(target, state->bytes + state->position, wanted);
    state->position += wanted;
}

// 16-bit grey lies in the first two thirds of a row, big end first, and becomes RGB in place, from the right so that
// nothing is overwritten unread. Values above 255 become 255: what Pillow's convert("RGB") makes of its mode I;16.
static void clip_grey16(uint8_t *row, size_t width) {
    for (size_t x = width; x-- > 0;) {
        uint8_t value = row[2 * x] != 0 ? 255 : row[2 * x + 1];
        row[3 * x] = value;
        row[3 * x + 1] = value;
        row[3 * x + 2] = value;
    }
}

static void clip_grey16_rows(uint8_t *pixels, size_t width, size_t height) {
    for (size_t y = 0; y < height; y++)
        clip_grey16(pixels + y * width * 3, width);
}

cpicture_status cpicture_decode_png(const uint8_t *bytes, size_t count, int allow_damage, uint8_t *pixels,
                                    size_t pixel_byte_count, cpicture_report *report) {
    memset(report, 0, sizeof *report);
    if (bytes == NULL || count == 0)
        return CPICTURE_MISUSE;

    reader state = {bytes, count, 0, report, 0, {0}};
    // Read after a jump, so they must not live in registers.
    volatile int is_in_pixels = 0;
    volatile int is_grey16 = 0;
    png_infop volatile info = NULL;

    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &state, handle_error, handle_warning);
    if (png == NULL) {
        snprintf(report->text, CPICTURE_TEXT_CAPACITY, "no memory for the decoder");
        return CPICTURE_NO_MEMORY;
    }
    if (setjmp(png_jmpbuf(png))) {
        png_infop given = info;
        png_destroy_read_struct(&png, &given, NULL);
        if (is_in_pixels && allow_damage) {
            if (is_grey16)
                clip_grey16_rows(pixels, report->width, report->height);
            report->warning_count += 1;
            return CPICTURE_OK;
        }
        return state.ran_out ? CPICTURE_TRUNCATED : CPICTURE_DAMAGED;
    }
    info = png_create_info_struct(png);
    if (info == NULL)
        png_error(png, "no memory for the header");

    png_set_read_fn(png, &state, read_bytes);
    // Colour profiles, gamma, texts and transparency do not change the pixels that Pillow gives; unread, they can
    // neither fail nor unpack to something large.
    static const png_byte transparency[] = "tRNS";
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, transparency, 1);
    // The caller bounds the number of pixels; libpng's own limit of a million a side would only add a second rule.
    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_read_info(png, info);

    png_uint_32 width = png_get_image_width(png, info);
    png_uint_32 height = png_get_image_height(png, info);
    int color_type = png_get_color_type(png, info);
    int bit_depth = png_get_bit_depth(png, info);
    report->width = width;
    report->height = height;
    state.header_fault[0] = 0;
    if (pixels == NULL) {
        png_infop given = info;
        png_destroy_read_struct(&png, &given, NULL);
        return CPICTURE_OK;
    }
    size_t row_byte_count = (size_t)width * 3;
    if (row_byte_count == 0 || pixel_byte_count / row_byte_count != height || pixel_byte_count % row_byte_count != 0) {
        png_infop given = info;
        png_destroy_read_struct(&png, &given, NULL);
        snprintf(report->text, CPICTURE_TEXT_CAPACITY, "the buffer does not fit the picture");
        return CPICTURE_MISUSE;
    }

    if (color_type == PNG_COLOR_TYPE_PALETTE) {
        png_set_palette_to_rgb(png);
    } else if (color_type == PNG_COLOR_TYPE_GRAY && bit_depth < 8) {
        png_set_expand_gray_1_2_4_to_8(png);
    }
    is_grey16 = color_type == PNG_COLOR_TYPE_GRAY && bit_depth == 16;
    if (bit_depth == 16 && !is_grey16)
        png_set_strip_16(png);
    if (color_type & PNG_COLOR_MASK_ALPHA)
        png_set_strip_alpha(png);
    if (!(color_type & PNG_COLOR_MASK_COLOR) && !is_grey16)
        png_set_gray_to_rgb(png);

    int pass_count = png_set_interlace_handling(png);
    png_read_update_info(png, info);
    if (png_get_rowbytes(png, info) != (size_t)width * (is_grey16 ? 2 : 3)) {
        png_error(png, "unexpected row length");
    }
    if (allow_damage)
        memset(pixels, 0, pixel_byte_count);
    is_in_pixels = 1;
    for (int pass = 0; pass < pass_count; pass++) {
        for (png_uint_32 y = 0; y < height; y++)
            png_read_row(png, pixels + (size_t)y * row_byte_count, NULL);
    }
    png_read_end(png, NULL);
    png_infop given = info;
    png_destroy_read_struct(&png, &given, NULL);
    if (is_grey16)
        clip_grey16_rows(pixels, width, height);
    return CPICTURE_OK;
}
