// SPDX-License-Identifier: MIT
internal import BeastCore

extension VulkanBackend {
    /// Bytes of shared memory that attention_tiled.comp needs.
    private func attentionByteCount(depth: Int) -> Int { 4 * (64 * (depth + 1) + 32 * 33 + 128) }

    /// Scores that are kept at a time, where attention is made of products.
    static let scoreLimit = 16 << 20

    /// In one kernel where a tile of queries and keys fits shared memory; as products elsewhere, which processors that play
    /// GPU do faster too.
    private func isTiled(_ arguments: AttentionArguments) -> Bool {
        !isRegister && attentionByteCount(depth: arguments.query.shape[3]) <= device.description.sharedByteCount
    }

    func attention(_ arguments: AttentionArguments) throws(BackendError) {
        guard arguments.output.elementCount > 0 else { return }
        if isDecoding(arguments) { return try decodeAttention(arguments) }
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

    /// Keys that a work group of attention_decode.comp has.
    private static let chunk = 128

    /// Few queries, which would leave most of a GPU idle if each head were one work group's.
    private func isDecoding(_ arguments: AttentionArguments) -> Bool {
        let (queries, depth) = (arguments.query.shape[2], arguments.query.shape[3])
        return !isRegister && queries <= 4 && (1...1024).contains(depth)
    }

    private func decodeAttention(_ arguments: AttentionArguments) throws(BackendError) {
        let views = [arguments.output, arguments.query, arguments.key, arguments.value]
        try split(views, along: 0..<2) { (views) throws(BackendError) in
            let output = try bind(views[0], isWritten: true)
            let operands = try read(views[1], views[2], views[3])
            let shape = views[0].shape
            let (rows, depth) = (shape[0] * shape[1] * shape[2], shape[3])
            let chunks = max(1, (arguments.keyLength + Self.chunk - 1) / Self.chunk)
            let byteCount = rows * chunks * (depth + 2) * 4
            let found = try allocate(byteCount: byteCount)
            defer { stream.release(found, to: memory) }
            let group = 128
            let key = PipelineKey(
                .attentionDecode,
                [
                    .group: group, .one: group, .leftType: Int(views[1].dtype.rawValue),
                    .rightType: Int(views[2].dtype.rawValue), .five: arguments.isCausal ? 1 : 0,
                    .biasType: Int(views[3].dtype.rawValue), .rows: depth, .eleven: Self.chunk,
                ]
            ).reading(operands)
            let limit = device.description.groupLimits.y
            for first in stride(from: 0, to: rows, by: limit) {
                var parameters = Parameters(shape[2], arguments.keyLength, shape[1], first)
                parameters.append(operands.offsets)
                parameters.append(arguments.queryOffset)
                for view in views.dropFirst() { parameters.append(Array(view.strides)) }
                parameters.append(arguments.scale)
                try stream.dispatch(
                    key, [bind(found, byteCount: byteCount, isWritten: true)] + operands.bindings,
                    texels: operands.texels, parameters, groups: (chunks, min(limit, rows - first), 1))
            }
            let last = PipelineKey(
                .attentionCombine,
                [.group: elementGroup, .outputType: Int(views[0].dtype.rawValue), .rows: depth])
            var parameters = Parameters(rows * depth, shape[2], shape[1], chunks, output.offset)
            parameters.append(Array(views[0].strides))
            try stream.dispatch(
                last, [output.binding, bind(found, byteCount: byteCount)], parameters,
                groups: grid(rows * depth, by: last.group))
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
            // Rows that begin at a multiple of four are fetched by four.
            let line = (seen.count + 3) / 4 * 4
            let buffer = register(try allocate(byteCount: shape.dropLast().elementCount * line * 4))
            var scores = TensorView(buffer: buffer, shape: shape)
            scores.strides = [query.shape[1] * rows.count * line, rows.count * line, line, 1]
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

    /// Products with the keys that are seen, then the softmax in place, which fills the rest with zeros.
    func attentionProbabilities(_ arguments: AttentionProbabilitiesArguments) throws(BackendError) {
        guard arguments.output.elementCount > 0 else { return }
        let seen = 0..<arguments.keyLength
        if !seen.isEmpty {
            try matmul(
                MatmulArguments(
                    output: arguments.output.slice(3, seen), left: arguments.query,
                    right: arguments.key.slice(2, seen).permuted(0, 1, 3, 2)))
        }
        try softmax(
            SoftmaxArguments(
                output: arguments.output, input: arguments.output, scale: arguments.scale,
                isCausal: arguments.isCausal, queryOffset: arguments.queryOffset, keyLength: arguments.keyLength))
    }
}
