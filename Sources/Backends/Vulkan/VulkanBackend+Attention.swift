// SPDX-License-Identifier: MIT
internal import BeastCore

extension VulkanBackend {
    /// Bytes of shared memory that attention_tiled.comp needs.
    private func attentionByteCount(depth: Int) -> Int { 4 * (64 * (depth + 1) + 32 * 33 + 128) }

    /// In one kernel where a tile of queries and keys fits shared memory; composed from products elsewhere, which
    /// processors that play GPU do faster too.
    func supportsAttention(_ arguments: AttentionArguments) -> Bool {
        let depth = arguments.query.shape[3]
        if supportsCooperativeAttention(arguments) { return true }
        return !isRegister && depth > 0
            && attentionByteCount(depth: depth) <= device.description.sharedByteCount
    }

    func attention(_ arguments: AttentionArguments) throws(BackendError) {
        guard supportsAttention(arguments) else {
            throw BackendError(.unsupported, "a head dimension of \(arguments.query.shape[3])")
        }
        guard arguments.output.elementCount > 0 else { return }
        let views = [arguments.output, arguments.query, arguments.key, arguments.value]
        let isCooperative = supportsCooperativeAttention(arguments)
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
}
