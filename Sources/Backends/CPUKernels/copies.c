// SPDX-License-Identifier: MIT
//
// Moving elements about, for which the instruction set hardly matters.
#include "cpu_kernels.h"

#include <math.h>
#include <string.h>

static int64_t size_of(int32_t dtype) {
    switch (dtype) {
    case BEASTS_FLOAT32:
    case BEASTS_INT32:
        return 4;
    case BEASTS_FLOAT16:
    case BEASTS_BFLOAT16:
        return 2;
    default:
        return 1;
    }
}

/// Address of the first element of row `row`; the last axis is the row.
static char *row_start(const beasts_view *view, int64_t row) {
    int64_t offset = view->offset;
    for (int32_t axis = view->rank - 2; axis >= 0; axis--) {
        offset += row % view->shape[axis] * view->stride[axis];
        row /= view->shape[axis];
    }
    return (char *)(uintptr_t)view->buffer + offset * size_of(view->dtype);
}

static double read_element(int32_t dtype, const char *element) {
    switch (dtype) {
    case BEASTS_FLOAT32:
        return (double)*(const float *)element;
    case BEASTS_FLOAT16:
        return (double)*(const _Float16 *)element;
    case BEASTS_BFLOAT16: {
        uint32_t word = (uint32_t) * (const uint16_t *)element << 16;
        float value;
        memcpy(&value, &word, sizeof value);
        return (double)value;
    }
    case BEASTS_INT32:
        return (double)*(const int32_t *)element;
    case BEASTS_UINT8:
        return (double)*(const uint8_t *)element;
    default:
        return (double)*(const int8_t *)element;
    }
}

/// Rounded to nearest even; a float32 in between would round twice, so it is cut towards zero first, and its last bit
/// remembers that something was lost.
static uint16_t bfloat16_of(double value) {
    float cut = (float)value;
    uint32_t word;
    memcpy(&word, &cut, sizeof word);
    if (cut != cut)
        return (uint16_t)(word >> 16 | 0x40);
    if (fabs((double)cut) > fabs(value))
        word--;
    float kept;
    memcpy(&kept, &word, sizeof kept);
    if ((double)kept != value)
        word |= 1;
    return (uint16_t)((word + 0x7fff + (word >> 16 & 1)) >> 16);
}

/// The same from float32, without branches, so that many are rounded at once.
static uint16_t bfloat16_of_float(float value) {
    uint32_t word;
    memcpy(&word, &value, sizeof word);
    uint32_t rounded = (word + 0x7fff + (word >> 16 & 1)) >> 16;
    return (uint16_t)((word & 0x7fffffff) > 0x7f800000 ? word >> 16 | 0x40 : rounded);
}

/// Integers saturate, a NaN becomes 0.
static int64_t saturated(double value, double low, double high) {
    if (value != value)
        return 0;
    double rounded = nearbyint(value);
    return (int64_t)(rounded < low ? low : rounded > high ? high : rounded);
}

static void write_element(int32_t dtype, char *element, double value) {
    switch (dtype) {
    case BEASTS_FLOAT32:
        *(float *)element = (float)value;
        break;
    case BEASTS_FLOAT16:
        *(_Float16 *)element = (_Float16)value;
        break;
    case BEASTS_BFLOAT16:
        *(uint16_t *)element = bfloat16_of(value);
        break;
    case BEASTS_INT32:
        *(int32_t *)element = (int32_t)saturated(value, -2147483648.0, 2147483647.0);
        break;
    case BEASTS_UINT8:
        *(uint8_t *)element = (uint8_t)saturated(value, 0, 255);
        break;
    default:
        *(int8_t *)element = (int8_t)saturated(value, -128, 127);
        break;
    }
}

#define COPY_ELEMENTS(type)                                                                                            \
    for (int64_t n = 0; n < length; n++)                                                                               \
    ((type *)target)[n * to] = ((const type *)source)[n * from]

void cpu_copy(const beasts_copy_arguments *arguments, int64_t first_row, int64_t last_row) {
    const beasts_view *output = &arguments->output, *input = &arguments->input;
    int64_t length = output->rank > 0 ? output->shape[output->rank - 1] : 1;
    int64_t to = output->rank > 0 ? output->stride[output->rank - 1] : 1;
    int64_t from = input->rank > 0 ? input->stride[input->rank - 1] : 1;
    int64_t output_size = size_of(output->dtype), input_size = size_of(input->dtype);
    for (int64_t row = first_row; row < last_row; row++) {
        char *target = row_start(output, row);
        const char *source = row_start(input, row);
        if (output->dtype == BEASTS_BFLOAT16 && input->dtype == BEASTS_FLOAT32 && to == 1 && from == 1) {
            for (int64_t n = 0; n < length; n++)
                ((uint16_t *)target)[n] = bfloat16_of_float(((const float *)source)[n]);
        } else if (output->dtype != input->dtype) {
            for (int64_t n = 0; n < length; n++)
                write_element(output->dtype, target + n * to * output_size,
                              read_element(input->dtype, source + n * from * input_size));
        } else if (to == 1 && from == 1) {
            memcpy(target, source, (size_t)(length * output_size));
        } else if (output_size == 4) {
            COPY_ELEMENTS(uint32_t);
        } else if (output_size == 2) {
            COPY_ELEMENTS(uint16_t);
        } else {
            COPY_ELEMENTS(uint8_t);
        }
    }
}

void cpu_round_to_bfloat16(float *elements, int64_t count) {
    for (int64_t n = 0; n < count; n++) {
        uint32_t word = (uint32_t)bfloat16_of((double)elements[n]) << 16;
        memcpy(elements + n, &word, sizeof word);
    }
}

void cpu_fill(const beasts_fill_arguments *arguments, int64_t first_row, int64_t last_row) {
    const beasts_view *output = &arguments->output;
    int64_t length = output->rank > 0 ? output->shape[output->rank - 1] : 1;
    int64_t step = output->rank > 0 ? output->stride[output->rank - 1] : 1;
    for (int64_t row = first_row; row < last_row; row++) {
        char *target = row_start(output, row);
        for (int64_t n = 0; n < length; n++)
            write_element(output->dtype, target + n * step * size_of(output->dtype), arguments->value);
    }
}

int64_t cpu_gather_rows(const beasts_gather_rows_arguments *arguments) {
    const beasts_view *table = &arguments->table, *indices = &arguments->indices;
    const int32_t *numbers = (const int32_t *)(uintptr_t)indices->buffer + indices->offset;
    int64_t count = indices->shape[0];
    size_t byte_count = (size_t)(table->shape[1] * size_of(table->dtype));
    for (int64_t row = 0; row < count; row++) {
        int64_t number = numbers[row * indices->stride[0]];
        if (number < 0 || number >= table->shape[0])
            return row;
        memcpy(row_start(&arguments->output, row), row_start(table, number), byte_count);
    }
    return -1;
}
