// SPDX-License-Identifier: MIT
#include "dnnl_functions.h"

#include <stdlib.h>

/// A primitive with the memories that each call points at its operands.
struct dnnl_compiled {
    dnnl_session *session;
    dnnl_primitive_t primitive;
    dnnl_memory_t input, weight, bias, residual, output, scratch;
    int bias_argument, residual_argument;
    size_t scratch_byte_count;
};

dnnl_compiled *dnnl_compile(dnnl_session *session, dnnl_plan *plan, const dnnl_memory_desc_t *weight_layout,
                            void *weight, dnnl_status_t *status) {
    dnnl_compiled *compiled = calloc(1, sizeof *compiled);
    dnnl_engine_t engine = session->engine;
    *status = compiled ? dnnl_success : dnnl_out_of_memory;
    if (!*status) {
        compiled->session = session;
        compiled->bias_argument = plan->bias_argument;
        compiled->residual_argument = plan->residual_argument;
        *status = library.primitive_create(&compiled->primitive, plan->description);
    }
    if (!*status) {
        const dnnl_memory_desc_t *scratch =
            library.primitive_desc_query_md(plan->description, dnnl_query_scratchpad_md, 0);
        compiled->scratch_byte_count = library.memory_desc_get_size(scratch);
        *status = library.memory_create(&compiled->scratch, scratch, engine, DNNL_MEMORY_NONE);
    }
    if (!*status)
        *status = library.memory_create(&compiled->weight, weight_layout, engine, weight);
    if (!*status)
        *status = library.memory_create(&compiled->input, &plan->input, engine, DNNL_MEMORY_NONE);
    if (!*status)
        *status = library.memory_create(&compiled->output, &plan->output, engine, DNNL_MEMORY_NONE);
    if (!*status)
        *status = library.memory_create(&compiled->bias, &plan->bias, engine, DNNL_MEMORY_NONE);
    if (!*status)
        *status = library.memory_create(&compiled->residual, &plan->residual, engine, DNNL_MEMORY_NONE);
    library.primitive_desc_destroy(plan->description);
    plan->description = 0;
    if (!*status)
        return compiled;
    dnnl_compiled_destroy(compiled);
    return 0;
}

size_t dnnl_compiled_scratch_byte_count(const dnnl_compiled *compiled) {
    return compiled->scratch_byte_count;
}

int32_t dnnl_compiled_run(const dnnl_compiled *compiled, const void *input, const float *bias, const void *residual,
                          void *output, void *scratch) {
    library.memory_set_data_handle(compiled->input, (void *)(uintptr_t)input);
    library.memory_set_data_handle(compiled->output, output);
    library.memory_set_data_handle(compiled->scratch, scratch);
    dnnl_exec_arg_t arguments[6] = {{DNNL_ARG_SRC, compiled->input},
                                    {DNNL_ARG_WEIGHTS, compiled->weight},
                                    {DNNL_ARG_DST, compiled->output},
                                    {DNNL_ARG_SCRATCHPAD, compiled->scratch}};
    int count = 4;
    if (compiled->bias_argument) {
        library.memory_set_data_handle(compiled->bias, (void *)(uintptr_t)bias);
        arguments[count++] = (dnnl_exec_arg_t){compiled->bias_argument, compiled->bias};
    }
    if (compiled->residual_argument) {
        library.memory_set_data_handle(compiled->residual, (void *)(uintptr_t)residual);
        arguments[count++] = (dnnl_exec_arg_t){compiled->residual_argument, compiled->residual};
    }
    dnnl_stream_t stream = compiled->session->stream;
    dnnl_status_t status = library.primitive_execute(compiled->primitive, stream, count, arguments);
    return (int32_t)(status ? status : library.stream_wait(stream));
}

void dnnl_compiled_destroy(dnnl_compiled *compiled) {
    if (!compiled)
        return;
    dnnl_memory_t memories[] = {compiled->input,    compiled->weight, compiled->bias,
                                compiled->residual, compiled->output, compiled->scratch};
    for (size_t n = 0; n < sizeof memories / sizeof *memories; n++)
        if (memories[n])
            library.memory_destroy(memories[n]);
    if (compiled->primitive)
        library.primitive_destroy(compiled->primitive);
    free(compiled);
}
