// SPDX-License-Identifier: MIT
internal import CBeasts

// Between the structures of the C contract and ours. Everything that comes from the other side is read with these
// functions, which accept nothing outside the contract.

extension beasts_view {
    static let absent: beasts_view = {
        var view = beasts_view()
        view.dtype = DType.float32.rawValue
        return view
    }()

    init(_ view: TensorView?) {
        guard let view else {
            self = .absent
            return
        }
        self.init()
        buffer = view.buffer.rawValue
        offset = Int64(view.offset)
        dtype = view.dtype.rawValue
        rank = Int32(view.rank)
        withUnsafeMutableBytes(of: &shape) { bytes in
            for axis in 0..<view.rank {
                bytes.storeBytes(of: Int64(view.shape[axis]), toByteOffset: axis * 8, as: Int64.self)
            }
        }
        withUnsafeMutableBytes(of: &stride) { bytes in
            for axis in 0..<view.rank {
                bytes.storeBytes(of: Int64(view.strides[axis]), toByteOffset: axis * 8, as: Int64.self)
            }
        }
    }
}

extension TensorView {
    /// Reads a view that must be there.
    init(contract view: beasts_view, _ what: StaticString) throws(BackendError) {
        guard view.buffer != 0 else { throw .invalid("\(what): no buffer given") }
        guard let dtype = DType(rawValue: view.dtype) else {
            throw .invalid("\(what): unknown element type \(view.dtype)")
        }
        guard view.rank >= 0, view.rank <= Int32(Shape.maximumRank) else {
            throw .invalid("\(what): rank \(view.rank), expected 0 to \(Shape.maximumRank)")
        }
        self.init(
            buffer: BufferHandle(rawValue: view.buffer), offset: Int(view.offset), dtype: dtype,
            shape: Shape(contract: view.shape, rank: Int(view.rank)),
            strides: Shape(contract: view.stride, rank: Int(view.rank)))
        guard elementLimit != nil, shape.isReasonable else {
            throw .invalid("\(what): offset \(view.offset), shape \(shape), strides \(strides): negative or too large")
        }
    }

    /// Reads a view that may be absent.
    init?(optional view: beasts_view, _ what: StaticString) throws(BackendError) {
        if view.buffer == 0 { return nil }
        try self.init(contract: view, what)
    }
}

extension Shape {
    typealias ContractExtents = (Int64, Int64, Int64, Int64, Int64, Int64, Int64, Int64)

    init(contract values: ContractExtents, rank: Int) {
        self.init(repeating: 0, rank: rank)
        withUnsafeBytes(of: values) { bytes in
            for axis in 0..<rank { self[axis] = Int(bytes.loadUnaligned(fromByteOffset: axis * 8, as: Int64.self)) }
        }
    }
}

extension beasts_epilogue {
    init(_ epilogue: Epilogue) {
        self.init(
            bias: beasts_view(epilogue.bias), residual: beasts_view(epilogue.residual),
            activation: epilogue.activation.rawValue, order: epilogue.order.rawValue)
    }
}

extension Epilogue {
    init(contract epilogue: beasts_epilogue) throws(BackendError) {
        self.init(
            bias: try TensorView(optional: epilogue.bias, "bias"),
            residual: try TensorView(optional: epilogue.residual, "residual"),
            activation: try enumeration(epilogue.activation, "activation"),
            order: try enumeration(epilogue.order, "epilogue order"))
    }
}

/// Reads an enumeration value.
func enumeration<Value: RawRepresentable<Int32>>(_ raw: Int32, _ what: StaticString) throws(BackendError) -> Value {
    guard let value = Value(rawValue: raw) else { throw .invalid("\(what): unknown value \(raw)") }
    return value
}

/// Reads a 0 or 1.
func flag(_ raw: Int32, _ what: StaticString) throws(BackendError) -> Bool {
    guard raw == 0 || raw == 1 else { throw .invalid("\(what): \(raw), expected 0 or 1") }
    return raw == 1
}

/// A zeroed structure of the contract with its size field filled in, then what `fill` does to it.
func sized<Contract>(_ fill: (inout Contract) -> Void) -> Contract {
    withZeroed { (contract: UnsafeMutablePointer<Contract>) in
        UnsafeMutableRawPointer(contract).storeBytes(of: UInt32(MemoryLayout<Contract>.size), as: UInt32.self)
        fill(&contract.pointee)
        return contract.pointee
    }
}

/// Reads a size-prefixed structure of another build: no byte beyond what its owner says is there, zeros for the rest.
func readSized<Contract>(_ pointer: UnsafePointer<Contract>) -> Contract {
    withZeroed { (copy: UnsafeMutablePointer<Contract>) in
        let claimed = Int(UnsafeRawPointer(pointer).loadUnaligned(as: UInt32.self))
        let count = min(claimed, MemoryLayout<Contract>.size)
        UnsafeMutableRawPointer(copy).copyMemory(from: UnsafeRawPointer(pointer), byteCount: count)
        return copy.pointee
    }
}

/// Structures of the contract are plain C data, for which zero bytes are a valid value.
private func withZeroed<Contract>(_ body: (UnsafeMutablePointer<Contract>) -> Contract) -> Contract {
    withUnsafeTemporaryAllocation(of: Contract.self, capacity: 1) { buffer in
        let bytes = UnsafeMutableRawBufferPointer(buffer)
        for index in bytes.indices { bytes[index] = 0 }
        return body(buffer.baseAddress.unsafelyUnwrapped)
    }
}
