// SPDX-License-Identifier: MIT

#include "cpicture.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <webp/decode.h>

static cpicture_status explain(VP8StatusCode code, cpicture_report *report) {
    const char *text = "unknown failure";
    cpicture_status status = CPICTURE_DAMAGED;
    switch (code) {
    case VP8_STATUS_OK:
        return CPICTURE_OK;
    case VP8_STATUS_OUT_OF_MEMORY:
        text = "no memory for the decoder";
        status = CPICTURE_NO_MEMORY;
        break;
    case VP8_STATUS_SUSPENDED:
    case VP8_STATUS_NOT_ENOUGH_DATA:
        text = "the data end too early";
        status = CPICTURE_TRUNCATED;
        break;
    case VP8_STATUS_UNSUPPORTED_FEATURE:
        text = "a feature that libwebp does not decode";
        status = CPICTURE_UNSUPPORTED;
        break;
    case VP8_STATUS_BITSTREAM_ERROR:
        text = "the picture data are damaged";
        break;
    case VP8_STATUS_INVALID_PARAM:
        text = "libwebp refused the request";
        status = CPICTURE_MISUSE;
        break;
    case VP8_STATUS_USER_ABORT:
        text = "the decoder stopped early";
        break;
    }
    snprintf(report->text, CPICTURE_TEXT_CAPACITY, "%s", text);
    return status;
}

// Rows as far as the data go; the rest is black.
static cpicture_status decode_part(const uint8_t *bytes, size_t count, uint8_t *pixels, size_t pixel_byte_count,
                                   int row_byte_count, cpicture_report *report) {
    memset(pixels, 0, pixel_byte_count);
    WebPIDecoder *decoder = WebPINewRGB(MODE_RGB, pixels, pixel_byte_count, row_byte_count);
    if (decoder == NULL)
        return explain(VP8_STATUS_OUT_OF_MEMORY, report);
    VP8StatusCode code = WebPIUpdate(decoder, bytes, count);
    WebPIDelete(decoder);
    if (code == VP8_STATUS_OUT_OF_MEMORY)
        return explain(code, report);
    if (code != VP8_STATUS_OK) {
        explain(code, report);
        report->warning_count = 1;
    }
    return CPICTURE_OK;
}

cpicture_status cpicture_decode_webp(const uint8_t *bytes, size_t count, int allow_damage, uint8_t *pixels,
                                     size_t pixel_byte_count, cpicture_report *report) {
    memset(report, 0, sizeof *report);
    if (bytes == NULL || count == 0)
        return CPICTURE_MISUSE;

    WebPBitstreamFeatures features;
    VP8StatusCode code = WebPGetFeatures(bytes, count, &features);
    if (code != VP8_STATUS_OK)
        return explain(code, report);
    if (features.width <= 0 || features.height <= 0)
        return explain(VP8_STATUS_BITSTREAM_ERROR, report);
    report->width = (uint32_t)features.width;
    report->height = (uint32_t)features.height;
    if (features.has_animation) {
        snprintf(report->text, CPICTURE_TEXT_CAPACITY, "an animation, not a still picture");
        return CPICTURE_UNSUPPORTED;
    }
    if (pixels == NULL)
        return CPICTURE_OK;
    if (features.width > INT_MAX / 3 || pixel_byte_count != (size_t)features.width * 3 * (size_t)features.height) {
        snprintf(report->text, CPICTURE_TEXT_CAPACITY, "the buffer does not fit the picture");
        return CPICTURE_MISUSE;
    }
    int row_byte_count = features.width * 3;
    if (allow_damage)
        return decode_part(bytes, count, pixels, pixel_byte_count, row_byte_count, report);

    WebPDecoderConfig config;
    if (!WebPInitDecoderConfig(&config))
        return explain(VP8_STATUS_INVALID_PARAM, report);
    config.output.colorspace = MODE_RGB;
    config.output.is_external_memory = 1;
    config.output.u.RGBA.rgba = pixels;
    config.output.u.RGBA.stride = row_byte_count;
    config.output.u.RGBA.size = pixel_byte_count;
    code = WebPDecode(bytes, count, &config);
    WebPFreeDecBuffer(&config.output);
    return explain(code, report);
}
