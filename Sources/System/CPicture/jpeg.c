// SPDX-License-Identifier: MIT

#include "cpicture.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>

// A progressive file may hold any number of scans, each of which walks the whole picture: a few kilobytes can cost
// minutes. The budget is in pixels walked; a usual file has about 10 scans, and any picture may have MINIMUM_SCANS.
enum { MINIMUM_SCANS = 24, MAXIMUM_SCANS = 500 };
static const uint64_t scan_pixel_budget = 2000000000u;

// Everything a jump must find intact lives here, not in registers.
typedef struct decoder {
    struct jpeg_error_mgr errors; // first, so that the library's pointer is also ours
    struct jpeg_progress_mgr progress;
    jmp_buf escape;
    cpicture_report *report;
    cpicture_status status;
    int allow_damage;
    int scan_limit;
} decoder;

static void stop(decoder *state, cpicture_status status) {
    state->status = status;
    longjmp(state->escape, 1);
}

static void keep_text(j_common_ptr info, decoder *state) {
    char text[JMSG_LENGTH_MAX];
    state->errors.format_message(info, text);
    snprintf(state->report->text, CPICTURE_TEXT_CAPACITY, "%s", text);
}

static void handle_error(j_common_ptr info) {
    decoder *state = (decoder *)info->err;
    keep_text(info, state);
    switch (state->errors.msg_code) {
    case JERR_OUT_OF_MEMORY:
        stop(state, CPICTURE_NO_MEMORY);
        break;
    case JERR_INPUT_EOF:
    case JERR_INPUT_EMPTY:
        stop(state, CPICTURE_TRUNCATED);
        break;
    case JERR_BAD_PRECISION:
    case JERR_SOF_UNSUPPORTED:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_ARITH_NOTIMPL:
    case JERR_NOT_COMPILED:
        stop(state, CPICTURE_UNSUPPORTED);
        break;
    default:
        stop(state, CPICTURE_DAMAGED);
    }
}

// The library merely warns where data are missing and goes on with grey.
static void handle_message(j_common_ptr info, int level) {
    decoder *state = (decoder *)info->err;
    if (level >= 0)
        return;
    int code = state->errors.msg_code;
    // Says nothing about the pixels: version numbers, and bytes left over between complete data and the end marker.
    if (code == JWRN_JFIF_MAJOR || code == JWRN_ADOBE_XFORM)
        return;
    if (code == JWRN_EXTRANEOUS_DATA && state->errors.msg_parm.i[1] == JPEG_EOI)
        return;
    if (state->report->warning_count == 0)
        keep_text(info, state);
    state->report->warning_count += 1;
    if (!state->allow_damage)
        stop(state, code == JWRN_JPEG_EOF ? CPICTURE_TRUNCATED : CPICTURE_DAMAGED);
}

static void discard_output(j_common_ptr info) {
    (void)info;
}

static void watch_scans(j_common_ptr info) {
    if (!info->is_decompressor)
        return;
    decoder *state = (decoder *)info->err;
    int scan = ((j_decompress_ptr)info)->input_scan_number;
    if (scan <= state->scan_limit)
        return;
    snprintf(state->report->text, CPICTURE_TEXT_CAPACITY, "more than %d scans in a picture of this size",
             state->scan_limit);
    stop(state, CPICTURE_UNSUPPORTED);
}

// Inverted inks (as Adobe stores them, and as Pillow assumes of every file) to RGB in Pillow's arithmetic:
// (255 - k) - (c * (255 - k)) / 255, the quotient rounded.
static void convert_inks(const JSAMPLE *inks, uint8_t *pixels, size_t width) {
    for (size_t x = 0; x < width; x++) {
        unsigned white = inks[4 * x + 3];
        for (size_t channel = 0; channel < 3; channel++) {
            unsigned ink = 255u - inks[4 * x + channel];
            unsigned product = ink * white + 128u;
            unsigned quotient = ((product >> 8) + product) >> 8;
            pixels[3 * x + channel] = quotient > white ? 0 : (uint8_t)(white - quotient);
        }
    }
}

static int choose_scan_limit(uint64_t pixel_count) {
    uint64_t limit = scan_pixel_budget / (pixel_count == 0 ? 1 : pixel_count);
    if (limit < MINIMUM_SCANS)
        return MINIMUM_SCANS;
    return limit > MAXIMUM_SCANS ? MAXIMUM_SCANS : (int)limit;
}

cpicture_status cpicture_decode_jpeg(const uint8_t *bytes, size_t count, int allow_damage, uint8_t *pixels,
                                     size_t pixel_byte_count, cpicture_report *report) {
    memset(report, 0, sizeof *report);
    if (bytes == NULL || count == 0)
        return CPICTURE_MISUSE;

    struct jpeg_decompress_struct info;
    decoder state;
    memset(&info, 0, sizeof info);
    memset(&state, 0, sizeof state);
    state.report = report;
    state.allow_damage = allow_damage;
    state.status = CPICTURE_OK;

    info.err = jpeg_std_error(&state.errors);
    state.errors.error_exit = handle_error;
    state.errors.emit_message = handle_message;
    state.errors.output_message = discard_output;
    if (setjmp(state.escape)) {
        jpeg_destroy_decompress(&info);
        return state.status;
    }

    jpeg_create_decompress(&info);
    jpeg_mem_src(&info, bytes, (unsigned long)count);
    jpeg_read_header(&info, TRUE);
    report->width = info.image_width;
    report->height = info.image_height;

    int is_ink = info.jpeg_color_space == JCS_CMYK || info.jpeg_color_space == JCS_YCCK;
    int is_known = is_ink || info.jpeg_color_space == JCS_GRAYSCALE || info.jpeg_color_space == JCS_YCbCr ||
                   info.jpeg_color_space == JCS_RGB;
    if (!is_known) {
        snprintf(report->text, CPICTURE_TEXT_CAPACITY, "%d colour components", info.num_components);
        stop(&state, CPICTURE_UNSUPPORTED);
    }
    if (pixels == NULL) {
        jpeg_destroy_decompress(&info);
        return CPICTURE_OK;
    }
    size_t row_byte_count = (size_t)info.image_width * 3;
    if (row_byte_count == 0 || pixel_byte_count / row_byte_count != info.image_height ||
        pixel_byte_count % row_byte_count != 0) {
        snprintf(report->text, CPICTURE_TEXT_CAPACITY, "the buffer does not fit the picture");
        stop(&state, CPICTURE_MISUSE);
    }

    // Everything else stays as the library sets it (smooth chroma upsampling, accurate integer transform): only so
    // are the pixels those of Pillow.
    info.out_color_space = is_ink ? JCS_CMYK : JCS_RGB;
    state.scan_limit = choose_scan_limit((uint64_t)info.image_width * info.image_height);
    state.progress.progress_monitor = watch_scans;
    info.progress = &state.progress;

    jpeg_start_decompress(&info);
    if (info.output_width != info.image_width || info.output_height != info.image_height ||
        info.output_components != (is_ink ? 4 : 3)) {
        snprintf(report->text, CPICTURE_TEXT_CAPACITY, "unexpected output form");
        stop(&state, CPICTURE_UNSUPPORTED);
    }
    JSAMPARRAY inks = NULL;
    if (is_ink) {
        inks = (*info.mem->alloc_sarray)((j_common_ptr)&info, JPOOL_IMAGE, info.output_width * 4, 1);
    }
    while (info.output_scanline < info.output_height) {
        uint8_t *row = pixels + (size_t)info.output_scanline * row_byte_count;
        JSAMPROW target = is_ink ? inks[0] : row;
        if (jpeg_read_scanlines(&info, &target, 1) != 1) {
            snprintf(report->text, CPICTURE_TEXT_CAPACITY, "the decoder stopped early");
            stop(&state, CPICTURE_DAMAGED);
        }
        if (is_ink)
            convert_inks(target, row, info.output_width);
    }
    jpeg_finish_decompress(&info);
    jpeg_destroy_decompress(&info);
    return CPICTURE_OK;
}
