// SPDX-License-Identifier: MIT
internal import BeastCore

extension VulkanBackend {
    /// Bytes of shared memory that attention_tiled.comp needs.
    private func attentionByteCount(depth: Int) -> Int { 4 * (64 * (depth + 1) + 32 * 33 + 128) }

    /// Scores that are kept at a time, where attention is made of products.
    private static let scoreLimit = 16 << 20

    /// In one kernel where a tile of queries and keys fits shared memory; as products elsewhere, which processors that play
    /// GPU do faster too.
    private func isTiled(_ arguments: AttentionArguments) -> Bool {
        !isRegister && attentionByteCount(depth: arguments.query.shape[3]) <= device.description.sharedByteCount
    }

    func attention(_ arguments: AttentionArguments) throws(BackendError) {
        guard arguments.output.elementCount > 0 else { return }
        let isCooperative = supportsCooperativeAttention(arguments)
        guard isCooperative || isTiled(arguments) else { return try attentionAsProducts(arguments) }
        let views = [arguments.output, arguments.query, arguments.key, arguments.value]
        try split(views, along: 0..<2) { (views) throws(BackendError) in
            if isCooperative { return try cooperativeAttention(arguments, views) }
            let output = try bind(views[0], isWritten: true)
            let inputs = [try bind(views[1]), try bind(views[2]), try bind(views[3])]
            let types = views.map { Int($0.dtype.rawValue) }
            let shape = views[0].shape
            let key = PipelineKey(
                .attentionTiled,
                [
                    .leftType: types[1], .rightType: types[2], .outputType: types[0],
                    .five: arguments.isCausal ? 1 : 0, .biasType: types[3], .rows: shape[3],
                ])
            let heads = shape[0] * shape[1]
            let limit = device.description.groupLimits.y
            for first in stride(from: 0, to: heads, by: limit) {
                var parameters = Parameters(
                    shape[2], arguments.keyLength, shape[1], first, output.offset, inputs[0].offset, inputs[1].offset,
                    inputs[2].offset)
                for view in views { parameters.append(Array(view.strides)) }
                parameters.append(arguments.queryOffset)
                parameters.append(arguments.scale)
                try stream.dispatch(
                    key, [output.binding] + inputs.map(\.binding), parameters,
                    groups: ((shape[2] + 31) / 32, min(limit, heads - first), 1))
            }
        }
    }

    /// query × keyᵀ, softmax in place, scores × value, some of the queries at a time. Keys that nobody sees are left out:
    /// behind them may lie a cache that is not yet written.
    private func attentionAsProducts(_ arguments: AttentionArguments) throws(BackendError) {
        let (output, query) = (arguments.output, arguments.query)
        let seen = 0..<arguments.keyLength
        guard !seen.isEmpty else { return try fill(FillArguments(output: output, value: 0)) }
        let (key, value) = (arguments.key.slice(2, seen), arguments.value.slice(2, seen))
        let (heads, queries) = (query.shape[0] * query.shape[1], query.shape[2])
        let block = min(queries, max(1, Self.scoreLimit / max(1, heads * seen.count)))
        for start in stride(from: 0, to: queries, by: block) {
            let rows = start..<min(queries, start + block)
            let shape: Shape = [query.shape[0], query.shape[1], rows.count, seen.count]
            let buffer = register(try allocate(byteCount: shape.elementCount * 4))
            let scores = TensorView(buffer: buffer, shape: shape)
            do throws(BackendError) {
                try matmul(
                    MatmulArguments(output: scores, left: query.slice(2, rows), right: key.permuted(0, 1, 3, 2)))
                try softmax(
                    SoftmaxArguments(
                        output: scores, input: scores, scale: arguments.scale, isCausal: arguments.isCausal,
                        queryOffset: arguments.queryOffset + start, keyLength: seen.count))
                try matmul(MatmulArguments(output: output.slice(2, rows), left: scores, right: value))
            } catch {
                try destroyBuffer(buffer)
                throw error
            }
            try destroyBuffer(buffer)
        }
    }
}
