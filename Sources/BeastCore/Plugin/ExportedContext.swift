// SPDX-License-Identifier: MIT
internal import CBeasts

/// What a context handle points at: the backend, and what it has given out, so that every handle that comes back can be
/// checked before the backend sees it.
final class ExportedContext {
    let backend: any Backend
    private var bufferByteCounts: [BufferHandle: Int] = [:]
    private var weights: [BufferHandle: KnownWeight] = [:]

    private struct KnownWeight {
        let kind: WeightKind
        let shape: Shape
        let groups: Int
        let target: DType
    }


    init(_ backend: any Backend) { self.backend = backend }

    func makeBuffer(byteCount: UInt64) throws(BackendError) -> BufferHandle {
        guard let count = Int(exactly: byteCount) else { throw .invalid("create_buffer: \(byteCount) bytes") }
        let handle = try backend.makeBuffer(byteCount: count)
        bufferByteCounts[handle] = count
        return handle
    }

    func destroyBuffer(_ handle: BufferHandle) throws(BackendError) {
        // The handle of a prepared vector or embedding is a buffer to read from; what frees it is release_weight, once.
        guard weights[handle] == nil else { throw .invalid("destroy_buffer: a prepared weight, use release_weight") }
        guard bufferByteCounts.removeValue(forKey: handle) != nil else {
            throw .invalid("destroy_buffer: no such buffer")
        }
        try backend.destroyBuffer(handle)
    }

    func byteRange(
        of handle: BufferHandle, from offset: UInt64, count: UInt64, _ what: StaticString
    ) throws(BackendError) -> Range<Int> {
        guard let byteCount = bufferByteCounts[handle] else { throw .invalid("\(what): no such buffer") }
        guard let start = Int(exactly: offset), let length = Int(exactly: count), start <= byteCount,
            length <= byteCount - start
        else { throw .invalid("\(what): \(count) bytes from \(offset) on, the buffer has \(byteCount)") }
        return start..<(start + length)
    }

    // MARK: Weights

    func prepareWeight(_ description: WeightDescription) throws(BackendError) -> PreparedWeight {
        let prepared = try backend.prepareWeight(description)
        weights[prepared.handle] = KnownWeight(
            kind: description.kind, shape: description.shape, groups: description.groups, target: description.target)
        if description.kind == .vector || description.kind == .embedding {
            bufferByteCounts[prepared.handle] = description.shape.elementCount * description.target.byteCount
        }
        return prepared
    }

    func releaseWeight(_ handle: BufferHandle) throws(BackendError) {
        guard weights.removeValue(forKey: handle) != nil else { throw .invalid("release_weight: no such weight") }
        bufferByteCounts[handle] = nil
        try backend.releaseWeight(handle)
    }

    // MARK: Ops

    func run<Arguments: OpArguments>(_ arguments: Arguments) throws(BackendError) {
        do throws(BackendError) {
            try arguments.validate()
            for view in arguments.outputs {
                try check(view)
                if weights[view.buffer] != nil { throw BackendError.invalid("a prepared weight cannot be written") }
            }
            for view in arguments.inputs { try check(view) }
            if let handle = arguments.preparedWeight {
                guard let weight = weights[handle] else {
                    throw BackendError.invalid("no such weight: \(handle.rawValue)")
                }
                try arguments.validateWeight(kind: weight.kind, shape: weight.shape, groups: weight.groups)
                // What the weight meets is the first input of each of these ops.
                if let input = arguments.inputs.first?.dtype,
                    weight.target == .int8 ? input.byteCount != 2 : input != weight.target
                {
                    throw BackendError.invalid("an input of \(input) cannot meet a weight kept as \(weight.target)")
                }
            }
            try arguments.run(on: backend)
        } catch {
            throw BackendError(error.code, "\(Arguments.op.name): \(error.message)")
        }
    }

    private func check(_ view: TensorView) throws(BackendError) {
        guard let byteCount = bufferByteCounts[view.buffer] else {
            throw .invalid("no such buffer: \(view.buffer.rawValue)")
        }
        guard let limit = view.elementLimit, limit <= byteCount / view.dtype.byteCount else {
            throw .invalid(
                "view \(view.shape), strides \(view.strides), offset \(view.offset) of \(view.dtype) reaches beyond its "
                    + "buffer of \(byteCount) bytes")
        }
    }
}
