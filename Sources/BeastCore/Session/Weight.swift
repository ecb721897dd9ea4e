// SPDX-License-Identifier: MIT

/// A weight that a backend keeps, released when the last user lets go.
public final class Weight {
    let session: Session
    public let kind: WeightKind
    /// How the backend keeps it.
    public let dtype: DType
    /// The shape of the whole as the checkpoint spells it.
    public let shape: Shape
    /// What the backend holds for it, in bytes.
    public let byteCount: Int
    package let handle: BufferHandle
    /// A 3-D convolution on a backend without it: one conv2d weight for each time step of the kernel.
    let timeSlices: [Weight]

    init(
        session: Session, kind: WeightKind, dtype: DType, shape: Shape, prepared: PreparedWeight,
        timeSlices: [Weight] = []
    ) {
        self.session = session
        self.kind = kind
        self.dtype = dtype
        self.shape = shape
        self.byteCount = prepared.byteCount
        self.handle = prepared.handle
        self.timeSlices = timeSlices
    }

    deinit { session.release(self) }

    /// A vector or embedding as a tensor, to be read like any other; it keeps the weight alive.
    public var tensor: Tensor {
        let view = TensorView(buffer: handle, dtype: dtype, shape: shape)
        return Tensor(storage: TensorStorage(weight: self), view: view)
    }
}
