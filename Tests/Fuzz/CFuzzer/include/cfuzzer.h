// SPDX-License-Identifier: MIT
//
// What is used of libFuzzer, which the linker adds under -sanitize=fuzzer.

#ifndef CFUZZER_H
#define CFUZZER_H

#include <stddef.h>
#include <stdint.h>

// Runs the fuzzer with its own command line; returns 0 when all runs went well, and ends the process at a fault.
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*callback)(const uint8_t *data, size_t size));

// Changes `size` bytes in place, at most up to `capacity`, and returns the new size.
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t capacity);

#endif
