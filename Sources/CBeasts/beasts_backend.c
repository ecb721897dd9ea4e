// SPDX-License-Identifier: MIT
#include "beasts_op_list.h"

#define BEASTS_OP_DESCRIPTION(number, name, required)                                                                  \
    {number, required, (uint32_t)offsetof(beasts_backend_table, name), #name},
static const beasts_op_description descriptions[] = {BEASTS_FOR_EACH_OP(BEASTS_OP_DESCRIPTION)};

uint32_t beasts_op_count(void) {
    return sizeof descriptions / sizeof descriptions[0];
}

const beasts_op_description *beasts_op_descriptions(void) {
    return descriptions;
}

// The layout is a promise to libraries that are already built: structures grow at the end only.
_Static_assert(sizeof(beasts_view) == 152, "beasts_view");
_Static_assert(sizeof(beasts_status) == 512, "beasts_status");
_Static_assert(offsetof(beasts_probe_result, cache_byte_count) == 512, "beasts_probe_result of contract 1.0");
_Static_assert(offsetof(beasts_backend_table, probe) == 40, "table header");
_Static_assert(offsetof(beasts_backend_table, fill) == 136, "first op");
_Static_assert(sizeof(beasts_backend_table) == 136 + 24 * sizeof(void *), "last op");
