// SPDX-License-Identifier: MIT

#include "cub_weights.h"

// `#embed` rather than a package resource: a resource is looked for at the build folder's absolute path, so that a
// program that was moved would not find it, and `.incbin` does not notice a changed file. It is C23, which clang offers
// in every language mode, with a warning.
#pragma clang diagnostic ignored "-Wc23-extensions"
_Alignas(64) static const unsigned char bytes[] = {
#embed "cub_dino_vitt8.safetensors"
};

const unsigned char *beasts_cub_dino_vitt8_bytes(void) {
    return bytes;
}

size_t beasts_cub_dino_vitt8_byte_count(void) {
    return sizeof bytes;
}
