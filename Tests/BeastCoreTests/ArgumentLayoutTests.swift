// SPDX-License-Identifier: MIT
import CBeasts
import Testing

/// Where the fields of the contract's structures lie, in bytes. Libraries that are already built rely on these numbers:
/// a new field goes to the end of its structure and to the end of its list here, and no number ever changes.
@Suite("The layout of the arguments of ops") struct ArgumentLayoutTests {
    private func at<Root, Value>(_ field: KeyPath<Root, Value>, _ offset: Int) {
        #expect(MemoryLayout<Root>.offset(of: field) == offset, "\(field)")
    }

    @Test("beasts_fill_arguments") func fillArguments() {
        at(\beasts_fill_arguments.output, 8)
        at(\beasts_fill_arguments.value, 160)
    }

    @Test("beasts_copy_arguments") func copyArguments() {
        at(\beasts_copy_arguments.output, 8)
        at(\beasts_copy_arguments.input, 160)
    }

    @Test("beasts_gather_rows_arguments") func gatherRowsArguments() {
        at(\beasts_gather_rows_arguments.output, 8)
        at(\beasts_gather_rows_arguments.table, 160)
        at(\beasts_gather_rows_arguments.indices, 312)
    }

    @Test("beasts_add_arguments") func addArguments() {
        at(\beasts_add_arguments.output, 8)
        at(\beasts_add_arguments.left, 160)
        at(\beasts_add_arguments.right, 312)
    }

    @Test("beasts_scale_arguments") func scaleArguments() {
        at(\beasts_scale_arguments.output, 8)
        at(\beasts_scale_arguments.input, 160)
        at(\beasts_scale_arguments.alpha, 312)
        at(\beasts_scale_arguments.beta, 316)
    }

    @Test("beasts_activation_arguments") func activationArguments() {
        at(\beasts_activation_arguments.activation, 4)
        at(\beasts_activation_arguments.output, 8)
        at(\beasts_activation_arguments.input, 160)
    }

    @Test("beasts_matmul_arguments") func matmulArguments() {
        at(\beasts_matmul_arguments.alpha, 4)
        at(\beasts_matmul_arguments.output, 8)
        at(\beasts_matmul_arguments.left, 160)
        at(\beasts_matmul_arguments.right, 312)
    }

    @Test("beasts_linear_arguments") func linearArguments() {
        at(\beasts_linear_arguments.alpha, 4)
        at(\beasts_linear_arguments.output, 8)
        at(\beasts_linear_arguments.input, 160)
        at(\beasts_linear_arguments.weight, 312)
        at(\beasts_linear_arguments.epilogue, 320)
    }

    @Test("beasts_conv2d_arguments") func conv2dArguments() {
        at(\beasts_conv2d_arguments.groups, 4)
        at(\beasts_conv2d_arguments.output, 8)
        at(\beasts_conv2d_arguments.input, 160)
        at(\beasts_conv2d_arguments.weight, 312)
        at(\beasts_conv2d_arguments.stride_y, 320)
        at(\beasts_conv2d_arguments.stride_x, 324)
        at(\beasts_conv2d_arguments.padding_top, 328)
        at(\beasts_conv2d_arguments.padding_bottom, 332)
        at(\beasts_conv2d_arguments.padding_left, 336)
        at(\beasts_conv2d_arguments.padding_right, 340)
        at(\beasts_conv2d_arguments.epilogue, 344)
    }

    @Test("beasts_max_pool2d_arguments") func maxPool2dArguments() {
        at(\beasts_max_pool2d_arguments.output, 8)
        at(\beasts_max_pool2d_arguments.input, 160)
        at(\beasts_max_pool2d_arguments.kernel_y, 312)
        at(\beasts_max_pool2d_arguments.kernel_x, 316)
        at(\beasts_max_pool2d_arguments.stride_y, 320)
        at(\beasts_max_pool2d_arguments.stride_x, 324)
        at(\beasts_max_pool2d_arguments.padding_top, 328)
        at(\beasts_max_pool2d_arguments.padding_bottom, 332)
        at(\beasts_max_pool2d_arguments.padding_left, 336)
        at(\beasts_max_pool2d_arguments.padding_right, 340)
    }

    @Test("beasts_softmax_arguments") func softmaxArguments() {
        at(\beasts_softmax_arguments.scale, 4)
        at(\beasts_softmax_arguments.output, 8)
        at(\beasts_softmax_arguments.input, 160)
        at(\beasts_softmax_arguments.causal, 312)
        at(\beasts_softmax_arguments.query_offset, 320)
        at(\beasts_softmax_arguments.key_length, 328)
    }

    @Test("beasts_layer_norm_arguments") func layerNormArguments() {
        at(\beasts_layer_norm_arguments.activation, 4)
        at(\beasts_layer_norm_arguments.output, 8)
        at(\beasts_layer_norm_arguments.input, 160)
        at(\beasts_layer_norm_arguments.weight, 312)
        at(\beasts_layer_norm_arguments.bias, 464)
        at(\beasts_layer_norm_arguments.epsilon, 616)
    }

    @Test("beasts_group_norm_arguments") func groupNormArguments() {
        at(\beasts_group_norm_arguments.activation, 4)
        at(\beasts_group_norm_arguments.output, 8)
        at(\beasts_group_norm_arguments.input, 160)
        at(\beasts_group_norm_arguments.weight, 312)
        at(\beasts_group_norm_arguments.bias, 464)
        at(\beasts_group_norm_arguments.epsilon, 616)
        at(\beasts_group_norm_arguments.groups, 620)
    }

    @Test("beasts_reduce_arguments") func reduceArguments() {
        at(\beasts_reduce_arguments.reduction, 4)
        at(\beasts_reduce_arguments.output, 8)
        at(\beasts_reduce_arguments.input, 160)
    }

    @Test("beasts_arg_reduce_arguments") func argReduceArguments() {
        at(\beasts_arg_reduce_arguments.extremum, 4)
        at(\beasts_arg_reduce_arguments.output, 8)
        at(\beasts_arg_reduce_arguments.input, 160)
    }

    @Test("beasts_attention_arguments") func attentionArguments() {
        at(\beasts_attention_arguments.scale, 4)
        at(\beasts_attention_arguments.output, 8)
        at(\beasts_attention_arguments.query, 160)
        at(\beasts_attention_arguments.key, 312)
        at(\beasts_attention_arguments.value, 464)
        at(\beasts_attention_arguments.causal, 616)
        at(\beasts_attention_arguments.query_offset, 624)
        at(\beasts_attention_arguments.key_length, 632)
    }

    @Test("beasts_attention_probabilities_arguments") func attentionProbabilitiesArguments() {
        at(\beasts_attention_probabilities_arguments.scale, 4)
        at(\beasts_attention_probabilities_arguments.output, 8)
        at(\beasts_attention_probabilities_arguments.query, 160)
        at(\beasts_attention_probabilities_arguments.key, 312)
        at(\beasts_attention_probabilities_arguments.causal, 464)
        at(\beasts_attention_probabilities_arguments.query_offset, 472)
        at(\beasts_attention_probabilities_arguments.key_length, 480)
    }

    @Test("beasts_residual_layer_norm_arguments") func residualLayerNormArguments() {
        at(\beasts_residual_layer_norm_arguments.epsilon, 4)
        at(\beasts_residual_layer_norm_arguments.output, 8)
        at(\beasts_residual_layer_norm_arguments.residual, 160)
        at(\beasts_residual_layer_norm_arguments.input, 312)
        at(\beasts_residual_layer_norm_arguments.weight, 464)
        at(\beasts_residual_layer_norm_arguments.bias, 616)
    }

    @Test("beasts_conv3d_arguments") func conv3dArguments() {
        at(\beasts_conv3d_arguments.padding_mode, 4)
        at(\beasts_conv3d_arguments.output, 8)
        at(\beasts_conv3d_arguments.input, 160)
        at(\beasts_conv3d_arguments.weight, 312)
        at(\beasts_conv3d_arguments.stride, 320)
        at(\beasts_conv3d_arguments.padding_before, 332)
        at(\beasts_conv3d_arguments.padding_after, 344)
        at(\beasts_conv3d_arguments.epilogue, 360)
    }

    @Test("beasts_conv_transpose3d_arguments") func convTranspose3dArguments() {
        at(\beasts_conv_transpose3d_arguments.padding_mode, 4)
        at(\beasts_conv_transpose3d_arguments.output, 8)
        at(\beasts_conv_transpose3d_arguments.input, 160)
        at(\beasts_conv_transpose3d_arguments.weight, 312)
        at(\beasts_conv_transpose3d_arguments.stride, 320)
        at(\beasts_conv_transpose3d_arguments.padding_before, 332)
        at(\beasts_conv_transpose3d_arguments.padding_after, 344)
        at(\beasts_conv_transpose3d_arguments.cropping, 356)
        at(\beasts_conv_transpose3d_arguments.epilogue, 368)
    }

    @Test("beasts_patch_embedding_arguments") func patchEmbeddingArguments() {
        at(\beasts_patch_embedding_arguments.patch, 4)
        at(\beasts_patch_embedding_arguments.output, 16)
        at(\beasts_patch_embedding_arguments.input, 168)
        at(\beasts_patch_embedding_arguments.weight, 320)
        at(\beasts_patch_embedding_arguments.bias, 328)
    }

    @Test("beasts_nearest_code_arguments") func nearestCodeArguments() {
        at(\beasts_nearest_code_arguments.codes, 8)
        at(\beasts_nearest_code_arguments.distances, 160)
        at(\beasts_nearest_code_arguments.input, 312)
        at(\beasts_nearest_code_arguments.weight, 464)
        at(\beasts_nearest_code_arguments.squared_norms, 472)
    }

    @Test("beasts_top_k_arguments") func topKArguments() {
        at(\beasts_top_k_arguments.values, 8)
        at(\beasts_top_k_arguments.indices, 160)
        at(\beasts_top_k_arguments.ties, 312)
        at(\beasts_top_k_arguments.input, 464)
    }
}
