// SPDX-License-Identifier: MIT
internal import BeastCore
internal import CBeasts

extension MisuseStage {
    /// What can be wrong in an op in particular: shapes that do not fit, parameters out of range.
    func malformed(_ op: BackendOp) -> [Malformed] {
        switch op {
        case .fill: []
        case .copy: [Malformed("shapes differ", with(copy) { $0.input = input([4, 3]) })]
        case .gatherRows: malformedGather
        case .add, .multiply, .scale, .activation: malformedElementwise(op)
        case .matmul: malformedMatmul
        case .linear: malformedLinear
        case .conv2d: malformedConv2d
        case .maxPool2d: malformedPool
        case .softmax: malformedSoftmax
        case .layerNorm, .groupNorm: malformedNorm(op)
        case .reduce, .argReduce: malformedReduce(op)
        default: []
        }
    }

    private func with<Arguments>(_ arguments: Arguments, _ change: (inout Arguments) -> Void) -> Arguments {
        var changed = arguments
        change(&changed)
        return changed
    }

    private var malformedGather: [Malformed] {
        [
            Malformed("widths differ", with(gather) { $0.table = input([2, 5]) }),
            Malformed("counts differ", with(gather) { $0.indices = indices([2]) }),
            Malformed("float32 indices", with(gather) { $0.indices = input([3]) }),
            Malformed("a table of another element type", with(gather) { $0.table = input([2, 4], dtype: .float16) }),
            Malformed("a table of rank 3", with(gather) { $0.table = input([2, 4, 1]) }),
        ]
    }

    private func malformedElementwise(_ op: BackendOp) -> [Malformed] {
        let apart = TensorView(buffer: input, shape: [3, 4], strides: [8, 2])
        switch op {
        case .add:
            return [
                Malformed("left of another shape", with(add) { $0.left = input([4, 3]) }),
                Malformed("right of another shape", with(add) { $0.right = input([3, 5]) }),
                Malformed("a row not broadcast", with(add) { $0.right = input([1, 4]) }),
                Malformed("stride 2 on the last axis", with(add) { $0.left = apart }),
                Malformed("int32 elements", with(add) { $0.left = indices([3, 4]) }, mayBeUnsupported: true),
                Malformed(
                    "int32 elements, repeated",
                    with(add) {
                        $0.left = TensorView(buffer: indices, dtype: .int32, shape: [3, 4], strides: [0, 0])
                    },
                    mayBeUnsupported: true),
            ]
        case .multiply: return [Malformed("shapes differ", with(multiply) { $0.right = input([3, 5]) })]
        case .scale:
            return [
                Malformed("shapes differ", with(scale) { $0.input = input([3, 5]) }),
                Malformed("stride 2 on the last axis", with(scale) { $0.input = apart }),
            ]
        default:
            return [
                Malformed("shapes differ", with(activation) { $0.input = input([3, 5]) }),
                Malformed("activation 0", activation) { $0.activation = 0 },
                Malformed("activation 5", activation) { $0.activation = 5 },
            ]
        }
    }

    private var malformedMatmul: [Malformed] {
        [
            Malformed("inner extents differ", with(matmul) { $0.right = input([5, 5]) }),
            Malformed("output of another shape", with(matmul) { $0.output = output([5, 3]) }),
            Malformed("ranks differ", with(matmul) { $0.left = input([1, 3, 4]) }),
            Malformed("rank 1", MatmulArguments(output: output([3]), left: input([3]), right: input([3]))),
            Malformed(
                "rank 5",
                MatmulArguments(
                    output: output([1, 1, 1, 3, 5]), left: input([1, 1, 1, 3, 4]), right: input([1, 1, 1, 4, 5]))),
            Malformed(
                "batches differ",
                MatmulArguments(output: output([2, 3, 5]), left: input([2, 3, 4]), right: input([1, 4, 5]))),
            Malformed(
                "no stride of 1", with(matmul) { $0.left = TensorView(buffer: input, shape: [3, 4], strides: [8, 2]) }),
        ]
    }

    private var malformedLinear: [Malformed] {
        [
            Malformed("an unknown weight", with(linear) { $0.weight = BufferHandle(rawValue: 0xdead_beef) }),
            Malformed("no weight", with(linear) { $0.weight = .none }),
            Malformed("a buffer as weight", with(linear) { $0.weight = second }),
            Malformed("a weight for conv2d", with(linear) { $0.weight = otherWeight }),
            Malformed("an input of another width than the weight", with(linear) { $0.input = input([3, 5]) }),
            Malformed("an output of another width than the weight", with(linear) { $0.output = output([3, 6]) }),
            Malformed("row counts differ", with(linear) { $0.input = input([4, 6]) }),
            Malformed("ranks differ", with(linear) { $0.input = input([1, 3, 6]) }),
            Malformed("a bias of another length", with(linear) { $0.epilogue.bias = second([6]) }),
            Malformed("a residual of another shape", with(linear) { $0.epilogue.residual = second([5, 3]) }),
            Malformed(
                "an unknown residual",
                with(linear) { $0.epilogue.residual = TensorView(buffer: BufferHandle(rawValue: 77), shape: [3, 5]) }),
            Malformed("epilogue activation 0", linear) { $0.epilogue.activation = 0 },
            Malformed("epilogue order 9", linear) { $0.epilogue.order = 9 },
            Malformed(
                "stride 2 on the last axis",
                with(linear) { $0.input = TensorView(buffer: input, shape: [3, 6], strides: [12, 2]) }),
        ]
    }

    private var malformedConv2d: [Malformed] {
        [
            Malformed("stride 0", with(conv2d) { $0.strideY = 0 }),
            Malformed("stride -1", with(conv2d) { $0.strideX = -1 }),
            Malformed("negative padding", with(conv2d) { $0.paddingLeft = -1 }),
            Malformed("the largest padding", with(conv2d) { $0.paddingTop = Int(Int32.max) }),
            Malformed("0 groups", with(conv2d) { $0.groups = 0 }),
            Malformed("-1 groups", with(conv2d) { $0.groups = -1 }),
            Malformed("groups other than the weight's", with(conv2d) { $0.groups = 3 }),
            Malformed("an output one row too high", with(conv2d) { $0.output = output([2, 4, 4, 4]) }),
            Malformed("an output one column too narrow", with(conv2d) { $0.output = output([2, 3, 3, 4]) }),
            Malformed("an output with too many channels", with(conv2d) { $0.output = output([2, 3, 4, 5]) }),
            Malformed("an input with too many channels", with(conv2d) { $0.input = input([2, 4, 5, 4]) }),
            Malformed("an input smaller than the kernel", with(conv2d) { $0.input = input([2, 1, 1, 3]) }),
            Malformed("batches differ", with(conv2d) { $0.input = input([3, 4, 5, 3]) }),
            Malformed("a weight for linear", with(conv2d) { $0.weight = otherWeight }),
            Malformed("an input of rank 3", with(conv2d) { $0.input = input([4, 5, 3]) }),
            Malformed("a bias of another length", with(conv2d) { $0.epilogue.bias = second([3]) }),
        ]
    }

    private var malformedPool: [Malformed] {
        [
            Malformed("kernel 0", with(maxPool2d) { $0.kernelY = 0 }),
            Malformed("stride 0", with(maxPool2d) { $0.strideX = 0 }),
            Malformed("negative padding", with(maxPool2d) { $0.paddingTop = -1 }),
            Malformed("padding as large as the kernel", with(maxPool2d) { $0.paddingTop = 2 }),
            Malformed("an output too high", with(maxPool2d) { $0.output = output([2, 4, 4, 3]) }),
            Malformed("channels differ", with(maxPool2d) { $0.output = output([2, 3, 4, 2]) }),
            Malformed("a kernel larger than the picture", with(maxPool2d) { $0.kernelX = 9 }),
        ]
    }

    private var malformedSoftmax: [Malformed] {
        [
            Malformed("shapes differ", with(softmax) { $0.input = input([3, 5]) }),
            Malformed("rank 1", SoftmaxArguments(output: output([3]), input: input([3]), keyLength: 3)),
            Malformed("key length beyond the keys", with(softmax) { $0.keyLength = 5 }),
            Malformed("negative key length", with(softmax) { $0.keyLength = -1 }),
            Malformed("negative query offset", with(softmax) { $0.queryOffset = -1 }),
            Malformed("the largest query offset", with(softmax) { $0.queryOffset = Int.max }),
            Malformed("causal 2", softmax) { $0.causal = 2 },
        ]
    }

    private func malformedNorm(_ op: BackendOp) -> [Malformed] {
        if op == .layerNorm {
            return [
                Malformed("a weight of another length", with(layerNorm) { $0.weight = second([3]) }),
                Malformed("a bias of another length", with(layerNorm) { $0.bias = second([5]) }),
                Malformed("a weight of rank 2", with(layerNorm) { $0.weight = second([1, 4]) }),
                Malformed("negative epsilon", with(layerNorm) { $0.epsilon = -1 }),
                Malformed("shapes differ", with(layerNorm) { $0.input = input([4, 4]) }),
                Malformed("GELU after a norm", with(layerNorm) { $0.activation = .gelu }),
                Malformed("activation 0", layerNorm) { $0.activation = 0 },
                Malformed("no weight", layerNorm) { $0.weight.buffer = 0 },
            ]
        }
        return [
            Malformed("0 groups", with(groupNorm) { $0.groups = 0 }),
            Malformed("-2 groups", with(groupNorm) { $0.groups = -2 }),
            Malformed("groups that do not divide the channels", with(groupNorm) { $0.groups = 3 }),
            Malformed("a weight of another length", with(groupNorm) { $0.weight = second([2]) }),
            Malformed("negative epsilon", with(groupNorm) { $0.epsilon = -1 }),
            Malformed(
                "rank 1",
                GroupNormArguments(
                    output: output([4]), input: input([4]), weight: second([4]), bias: second([4]), epsilon: 1,
                    groups: 2)),
        ]
    }

    private func malformedReduce(_ op: BackendOp) -> [Malformed] {
        if op == .reduce {
            return [
                Malformed("reduction 0", reduce) { $0.reduction = 0 },
                Malformed("reduction 4", reduce) { $0.reduction = 4 },
                Malformed("mean of nothing", with(reduce) { $0.input = input([3, 0, 4]) }),
                Malformed(
                    "maximum of nothing",
                    ReduceArguments(output: output([3, 4]), input: input([3, 0, 4]), reduction: .maximum)),
                Malformed("inner extents differ", with(reduce) { $0.input = input([3, 2, 5]) }),
                Malformed("outer extents differ", with(reduce) { $0.input = input([2, 2, 4]) }),
                Malformed("rank 2", with(reduce) { $0.input = input([3, 4]) }),
            ]
        }
        return [
            Malformed("float32 output", with(argReduce) { $0.output = output([3]) }),
            Malformed("extremum 0", argReduce) { $0.extremum = 0 },
            Malformed("extremum 3", argReduce) { $0.extremum = 3 },
            Malformed("of nothing", with(argReduce) { $0.input = input([3, 0]) }),
            Malformed("row counts differ", with(argReduce) { $0.input = input([4, 4]) }),
        ]
    }
}
