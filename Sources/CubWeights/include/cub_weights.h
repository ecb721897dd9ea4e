// SPDX-License-Identifier: MIT

#ifndef BEASTS_CUB_WEIGHTS_H
#define BEASTS_CUB_WEIGHTS_H

#include <stddef.h>

/// The built-in model `cub_dino_vitt8` as a whole safetensors file, part of the program itself.
///
/// The file holds 78 float16 tensors (2,719,296 parameters); `docs/models/cub_dino_vitt8.md` describes the model.
/// The address is aligned to 64 bytes and stays valid as long as the program runs; the bytes are read-only and may be
/// read from any thread. Functions rather than an array, since Swift does not import an array of unknown length.

#ifdef __cplusplus
extern "C" {
#endif

/// The first byte of the file.
const unsigned char *beasts_cub_dino_vitt8_bytes(void);

/// The length of the file in bytes.
size_t beasts_cub_dino_vitt8_byte_count(void);

/// The same for the built-in model `cub_mae_vitt8` (`docs/models/cub_mae_vitt8.md`): a masked autoencoder with its
/// decoder.
const unsigned char *beasts_cub_mae_vitt8_bytes(void);

/// The length of the file in bytes.
size_t beasts_cub_mae_vitt8_byte_count(void);

/// The same for the built-in model `cub_gpt` (`docs/models/cub_gpt.md`): a picture tokeniser and a transformer over its
/// codes.
const unsigned char *beasts_cub_gpt_bytes(void);

/// The length of the file in bytes.
size_t beasts_cub_gpt_byte_count(void);

#ifdef __cplusplus
}
#endif

#endif
