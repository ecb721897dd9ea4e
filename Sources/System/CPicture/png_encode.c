// SPDX-License-Identifier: MIT

#include "cpicture.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

typedef struct writer {
    uint8_t *bytes;
    size_t count;
    size_t capacity;
    cpicture_report *report;
} writer;

static void handle_error(png_structp png, png_const_charp text) {
    writer *state = png_get_error_ptr(png);
    snprintf(state->report->text, CPICTURE_TEXT_CAPACITY, "%s", text);
    png_longjmp(png, 1);
}

static void handle_warning(png_structp png, png_const_charp text) {
    (void)png;
    (void)text;
}

static void write_bytes(png_structp png, png_bytep source, size_t added) {
    writer *state = png_get_io_ptr(png);
    if (added > state->capacity - state->count) {
        size_t half = SIZE_MAX / 2;
        if (state->capacity > half || added > half - state->count)
            png_error(png, "the file would be too large");
        size_t capacity = state->capacity * 2;
        if (capacity < state->count + added)
            capacity = state->count + added;
        if (capacity < 65536)
            capacity = 65536;
        uint8_t *grown = realloc(state->bytes, capacity);
        if (grown == NULL)
            png_error(png, "no memory for the file");
        state->bytes = grown;
        state->capacity = capacity;
    }
    memcpy(state->bytes + state->count, source, added);
    state->count += added;
}

static void flush_nothing(png_structp png) {
    (void)png;
}

void cpicture_free(void *block) {
    free(block);
}

cpicture_status cpicture_encode_png(const uint8_t *pixels, uint32_t width, uint32_t height, int compression,
                                    uint8_t **bytes, size_t *count, cpicture_report *report) {
    memset(report, 0, sizeof *report);
    *bytes = NULL;
    *count = 0;
    if (pixels == NULL || width == 0 || height == 0 || compression < 0 || compression > 9) {
        snprintf(report->text, CPICTURE_TEXT_CAPACITY, "nothing to write, or an unknown compression level");
        return CPICTURE_MISUSE;
    }
    writer state = {NULL, 0, 0, report};
    png_infop volatile info = NULL;
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &state, handle_error, handle_warning);
    if (png == NULL) {
        snprintf(report->text, CPICTURE_TEXT_CAPACITY, "no memory for the encoder");
        return CPICTURE_NO_MEMORY;
    }
    if (setjmp(png_jmpbuf(png))) {
        png_infop given = info;
        png_destroy_write_struct(&png, &given);
        free(state.bytes);
        return CPICTURE_DAMAGED;
    }
    info = png_create_info_struct(png);
    if (info == NULL)
        png_error(png, "no memory for the header");
    png_set_write_fn(png, &state, write_bytes, flush_nothing);
    png_set_IHDR(png, info, width, height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    png_set_compression_level(png, compression);
    png_write_info(png, info);
    for (uint32_t y = 0; y < height; y++)
        png_write_row(png, pixels + (size_t)y * width * 3);
    png_write_end(png, info);
    png_infop given = info;
    png_destroy_write_struct(&png, &given);
    *bytes = state.bytes;
    *count = state.count;
    return CPICTURE_OK;
}
