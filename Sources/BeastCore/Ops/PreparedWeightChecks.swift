// SPDX-License-Identifier: MIT

// The ops that name a prepared weight, and how its shape must fit theirs.

extension Checks {
    /// - Returns: [rows, columns] of a weight used as a matrix.
    static func matrix(_ kind: WeightKind, _ shape: Shape) throws(BackendError) -> (rows: Int, columns: Int) {
        guard kind == .linear, shape.rank >= 1 else {
            throw .invalid("the weight was prepared for \(kind), not for linear")
        }
        return (shape[0], Shape(shape.dropFirst()).elementCount)
    }
}

extension LinearArguments {
    public var preparedWeight: BufferHandle? { weight }

    public func validateWeight(kind: WeightKind, shape: Shape, groups: Int) throws(BackendError) {
        let matrix = try Checks.matrix(kind, shape)
        guard output.shape.last == matrix.rows, input.shape.last == matrix.columns else {
            throw .invalid("weight \(shape) does not fit input \(input.shape) and output \(output.shape)")
        }
    }
}

extension PatchEmbeddingArguments {
    public var preparedWeight: BufferHandle? { weight }

    public func validateWeight(kind: WeightKind, shape: Shape, groups: Int) throws(BackendError) {
        let matrix = try Checks.matrix(kind, shape)
        let (area, overflow) = patch.time.multipliedReportingOverflow(by: patch.height)
        let (volume, overflow2) = area.multipliedReportingOverflow(by: patch.width)
        let (columns, overflow3) = volume.multipliedReportingOverflow(by: input.shape[input.rank - 1])
        guard !overflow, !overflow2, !overflow3, output.shape[2] == matrix.rows, columns == matrix.columns else {
            throw .invalid("weight \(shape) does not fit input \(input.shape), patch \(patch), output \(output.shape)")
        }
    }
}

extension NearestCodeArguments {
    public var preparedWeight: BufferHandle? { weight }

    public func validateWeight(kind: WeightKind, shape: Shape, groups: Int) throws(BackendError) {
        let matrix = try Checks.matrix(kind, shape)
        guard squaredNorms.shape[0] == matrix.rows, input.shape[1] == matrix.columns else {
            throw .invalid(
                "codebook \(shape) does not fit input \(input.shape) and squared norms \(squaredNorms.shape)")
        }
    }
}

extension Conv2dArguments {
    public var preparedWeight: BufferHandle? { weight }

    public func validateWeight(kind: WeightKind, shape: Shape, groups: Int) throws(BackendError) {
        guard kind == .conv2d, shape.rank == 4 else {
            throw .invalid("the weight was prepared for \(kind), not for conv2d")
        }
        let height = Checks.windowCount(
            extent: input.shape[1], kernel: shape[2], stride: strideY, before: paddingTop, after: paddingBottom)
        let width = Checks.windowCount(
            extent: input.shape[2], kernel: shape[3], stride: strideX, before: paddingLeft, after: paddingRight)
        guard groups == self.groups, input.shape[3] % groups == 0, shape[1] == input.shape[3] / groups, let height,
            let width,
            output.shape == [input.shape[0], height, width, shape[0]]
        else {
            throw .invalid(
                "weight \(shape) in \(groups) groups does not fit input \(input.shape), output \(output.shape) in \(self.groups)"
            )
        }
    }
}

extension Conv3dArguments {
    public var preparedWeight: BufferHandle? { weight }

    public func validateWeight(kind: WeightKind, shape: Shape, groups: Int) throws(BackendError) {
        guard kind == .conv3d, shape.rank == 5 else {
            throw .invalid("the weight was prepared for \(kind), not for conv3d")
        }
        let expected = outputShape(kernel: Extent3(shape[2], shape[3], shape[4]), channels: shape[0])
        guard shape[1] == input.shape[4], output.shape == expected else {
            throw .invalid("weight \(shape) does not fit input \(input.shape) and output \(output.shape)")
        }
    }
}

extension ConvTranspose3dArguments {
    public var preparedWeight: BufferHandle? { weight }

    public func validateWeight(kind: WeightKind, shape: Shape, groups: Int) throws(BackendError) {
        guard kind == .convTranspose3d, shape.rank == 5 else {
            throw .invalid("the weight was prepared for \(kind), not for conv_transpose3d")
        }
        let expected = outputShape(kernel: Extent3(shape[2], shape[3], shape[4]), channels: shape[1])
        guard shape[0] == input.shape[4], output.shape == expected else {
            throw .invalid("weight \(shape) does not fit input \(input.shape) and output \(output.shape)")
        }
    }
}
