// SPDX-License-Identifier: MIT
#include "cpu_kernels.h"

#include <stdlib.h>
#include <string.h>

extern const cpu_kernels cpu_kernels_avx2, cpu_kernels_avx512, cpu_kernels_avx512_bf16;

/// How far ONEDNN_MAX_CPU_ISA lets kernels go: 0 below AVX2, 1 AVX2, 2 AVX-512, 3 AVX-512 with bfloat16.
static int permitted_level(void) {
    const char *bound = getenv("ONEDNN_MAX_CPU_ISA");
    if (!bound)
        bound = getenv("DNNL_MAX_CPU_ISA");
    if (!bound || !*bound)
        return 3;
    if (!strcmp(bound, "SSE41") || !strcmp(bound, "AVX"))
        return 0;
    if (!strncmp(bound, "AVX2", 4))
        return 1;
    if (!strcmp(bound, "AVX512_MIC") || !strcmp(bound, "AVX512_MIC_4OPS"))
        return 1;
    if (!strcmp(bound, "AVX512_CORE") || !strcmp(bound, "AVX512_CORE_VNNI"))
        return 2;
    return 3;
}

const cpu_kernels *cpu_kernels_best(void) {
    int level = permitted_level();
    if (level >= 2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq"))
        return level >= 3 && __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vnni")
                   ? &cpu_kernels_avx512_bf16
                   : &cpu_kernels_avx512;
    if (level >= 1 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c"))
        return &cpu_kernels_avx2;
    return 0;
}
