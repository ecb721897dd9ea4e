// SPDX-License-Identifier: MIT

#include "cub_weights.h"

// See cub_dino_vitt8.c for why it is done this way.
#pragma clang diagnostic ignored "-Wc23-extensions"
_Alignas(64) static const unsigned char bytes[] = {
#embed "cub_gpt.safetensors"
};

const unsigned char *beasts_cub_gpt_bytes(void) {
    return bytes;
}

size_t beasts_cub_gpt_byte_count(void) {
    return sizeof bytes;
}
