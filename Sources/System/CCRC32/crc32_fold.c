// SPDX-License-Identifier: MIT
//
// Gopal, Ozturk, Guilford et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction" (2009).
// A message is a polynomial over GF(2). 128 bits of it that stand D bits before others may be added to those others
// once each half is multiplied by what remains of a power of x: x^(D+32) and x^(D-32), modulo P. (Bits are reflected,
// hence the 32.) Four runs side by side hide the latency of the multiplication.
#include "crc32_fold.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define INLINE(features) __attribute__((target(features), always_inline)) static inline
#define NARROW "pclmul,sse4.1"
#define WIDE "pclmul,sse4.1,avx2,vpclmulqdq"

int32_t crc32_fold_level(void) {
    if (!__builtin_cpu_supports("pclmul") || !__builtin_cpu_supports("sse4.1"))
        return 0;
    return __builtin_cpu_supports("vpclmulqdq") && __builtin_cpu_supports("avx2") ? 2 : 1;
}

// Of those powers for D bits, reflected and one bit up.
#define POWERS_1024 0x014a7fe880, 0x01e88ef372
#define POWERS_512 0x01c6e41596, 0x0154442bd4
#define POWERS_128 0x00ccaa009e, 0x01751997d0

INLINE(NARROW) __m128i load(const uint8_t *bytes) {
    return _mm_loadu_si128((const __m128i *)bytes);
}

INLINE(NARROW) __m128i folded(__m128i run, __m128i powers, __m128i next) {
    __m128i low = _mm_clmulepi64_si128(run, powers, 0x00), high = _mm_clmulepi64_si128(run, powers, 0x11);
    return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

/// The checksum of a message that folded to 128 bits.
INLINE(NARROW) uint32_t remainder_of(__m128i run) {
    const __m128i by_128 = _mm_set_epi64x(POWERS_128), by_64 = _mm_set_epi64x(0, 0x0163cd6124);
    // P and its reciprocal, for Barrett's reduction.
    const __m128i divisor = _mm_set_epi64x(0x01f7011641, 0x01db710641);
    const __m128i word = _mm_setr_epi32(-1, 0, -1, 0);
    // To 64 bits, with 32 zeros appended for the checksum to stand in.
    __m128i rest = _mm_xor_si128(_mm_srli_si128(run, 8), _mm_clmulepi64_si128(run, by_128, 0x10));
    rest = _mm_xor_si128(_mm_srli_si128(rest, 4), _mm_clmulepi64_si128(_mm_and_si128(rest, word), by_64, 0x00));
    __m128i quotient = _mm_clmulepi64_si128(_mm_and_si128(rest, word), divisor, 0x10);
    quotient = _mm_clmulepi64_si128(_mm_and_si128(quotient, word), divisor, 0x00);
    return ~(uint32_t)_mm_extract_epi32(_mm_xor_si128(rest, quotient), 1);
}

__attribute__((target(NARROW))) uint32_t crc32_fold_narrow(uint32_t checksum, const uint8_t *bytes, size_t count) {
    const __m128i by_512 = _mm_set_epi64x(POWERS_512), by_128 = _mm_set_epi64x(POWERS_128);
    __m128i run0 = _mm_xor_si128(load(bytes), _mm_cvtsi32_si128((int32_t)~checksum));
    __m128i run1 = load(bytes + 16), run2 = load(bytes + 32), run3 = load(bytes + 48);
    for (bytes += 64, count -= 64; count >= 64; bytes += 64, count -= 64) {
        run0 = folded(run0, by_512, load(bytes));
        run1 = folded(run1, by_512, load(bytes + 16));
        run2 = folded(run2, by_512, load(bytes + 32));
        run3 = folded(run3, by_512, load(bytes + 48));
    }
    __m128i run = folded(folded(folded(run0, by_128, run1), by_128, run2), by_128, run3);
    for (; count >= 16; bytes += 16, count -= 16)
        run = folded(run, by_128, load(bytes));
    return remainder_of(run);
}

INLINE(WIDE) __m256i load_wide(const uint8_t *bytes) {
    return _mm256_loadu_si256((const __m256i *)bytes);
}

INLINE(WIDE) __m256i folded_wide(__m256i run, __m256i powers, __m256i next) {
    __m256i low = _mm256_clmulepi64_epi128(run, powers, 0x00), high = _mm256_clmulepi64_epi128(run, powers, 0x11);
    return _mm256_xor_si256(_mm256_xor_si256(low, high), next);
}

/// Both halves of a wide run, which stand one behind the other, onto what precedes them.
INLINE(WIDE) __m128i folded_halves(__m128i before, __m128i powers, __m256i run) {
    return folded(folded(before, powers, _mm256_castsi256_si128(run)), powers, _mm256_extracti128_si256(run, 1));
}

/// Two runs in each register.
__attribute__((target(WIDE))) uint32_t crc32_fold_wide(uint32_t checksum, const uint8_t *bytes, size_t count) {
    const __m128i powers = _mm_set_epi64x(POWERS_1024), by_128 = _mm_set_epi64x(POWERS_128);
    const __m256i by_1024 = _mm256_broadcastsi128_si256(powers);
    __m256i start = _mm256_zextsi128_si256(_mm_cvtsi32_si128((int32_t)~checksum));
    __m256i run0 = _mm256_xor_si256(load_wide(bytes), start), run1 = load_wide(bytes + 32);
    __m256i run2 = load_wide(bytes + 64), run3 = load_wide(bytes + 96);
    for (bytes += 128, count -= 128; count >= 128; bytes += 128, count -= 128) {
        run0 = folded_wide(run0, by_1024, load_wide(bytes));
        run1 = folded_wide(run1, by_1024, load_wide(bytes + 32));
        run2 = folded_wide(run2, by_1024, load_wide(bytes + 64));
        run3 = folded_wide(run3, by_1024, load_wide(bytes + 96));
    }
    __m128i run = folded(_mm256_castsi256_si128(run0), by_128, _mm256_extracti128_si256(run0, 1));
    run = folded_halves(folded_halves(folded_halves(run, by_128, run1), by_128, run2), by_128, run3);
    for (; count >= 16; bytes += 16, count -= 16)
        run = folded(run, by_128, load(bytes));
    return remainder_of(run);
}

#else

int32_t crc32_fold_level(void) {
    return 0;
}

// Never called at level 0.
uint32_t crc32_fold_narrow(uint32_t checksum, const uint8_t *bytes, size_t count) {
    (void)bytes;
    (void)count;
    return checksum;
}

uint32_t crc32_fold_wide(uint32_t checksum, const uint8_t *bytes, size_t count) {
    return crc32_fold_narrow(checksum, bytes, count);
}

#endif
