// SPDX-License-Identifier: MIT

/// A view together with the buffer it looks at, which goes back to its session's pool when the last tensor lets go.
///
/// Tensors belong to one session and, like it, to one thread at a time.
public struct Tensor {
    let storage: TensorStorage
    /// Where the elements lie. A view does not keep the buffer: hold the tensor until the op that uses it was run.
    public private(set) var view: TensorView

    init(storage: TensorStorage, view: TensorView) {
        self.storage = storage
        self.view = view
    }

    public var session: Session { storage.session }
    public var shape: Shape { view.shape }
    public var dtype: DType { view.dtype }

    private func looking(at view: TensorView) -> Tensor { Tensor(storage: storage, view: view) }

    /// The part of `axis` that `range` names, the rank kept.
    public func slice(_ axis: Int, _ range: Range<Int>) -> Tensor { looking(at: view.slice(axis, range)) }

    /// The elements at `index` of `axis`, without that axis.
    public func select(_ axis: Int, _ index: Int) -> Tensor { looking(at: view.select(axis, index)) }

    /// The axes in another order.
    public func permuted(_ order: Int...) -> Tensor { looking(at: view.permuted(order)) }

    /// One element repeated along axes in front or of extent 1; for inputs of an op only.
    public func broadcast(to shape: Shape) -> Tensor { looking(at: view.broadcast(to: shape)) }

    /// The same elements under another shape.
    /// - Throws: `invalidArgument` when counts differ or no strides can express it.
    public func reshaped(_ shape: Shape) throws(BackendError) -> Tensor {
        guard let view = view.reshaped(shape) else {
            throw .invalid("a view of shape \(self.shape), strides \(view.strides) cannot be read as \(shape)")
        }
        return looking(at: view)
    }

    /// The same elements as another type: the tensor itself where it is of that type, a dense copy otherwise.
    /// - Throws: `outOfMemory`.
    public func cast(to dtype: DType) throws(BackendError) -> Tensor {
        if self.dtype == dtype { return self }
        let copy = try session.makeTensor(shape, dtype: dtype)
        try session.run(CopyArguments(output: copy.view, input: view))
        return copy
    }
}

/// The owner of a buffer.
final class TensorStorage {
    let session: Session
    let handle: BufferHandle
    let byteCount: Int
    /// Set for a prepared weight of kind vector or embedding, which a view may name as if it were a buffer.
    private let weight: Weight?

    init(session: Session, handle: BufferHandle, byteCount: Int) {
        self.session = session
        self.handle = handle
        self.byteCount = byteCount
        weight = nil
    }

    init(weight: Weight) {
        session = weight.session
        handle = weight.handle
        byteCount = weight.byteCount
        self.weight = weight
    }

    deinit { if weight == nil { session.recycle(handle, byteCount: byteCount) } }
}
