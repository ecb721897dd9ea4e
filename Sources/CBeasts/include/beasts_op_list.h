// SPDX-License-Identifier: MIT
//
// The list of ops of beasts_backend.h as data, for the host's Swift code and the tests.
#ifndef BEASTS_OP_LIST_H
#define BEASTS_OP_LIST_H

#include "beasts_backend.h"

typedef struct beasts_op_description {
    int32_t number;
    int32_t is_required;
    /// Where the entry lies in beasts_backend_table, in bytes.
    uint32_t table_offset;
    const char *name;
} beasts_op_description;

uint32_t beasts_op_count(void);
const beasts_op_description *beasts_op_descriptions(void);

#endif
