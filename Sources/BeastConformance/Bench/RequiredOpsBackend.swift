// SPDX-License-Identifier: MIT
internal import BeastCore

/// A backend that keeps to what it must do: it has no optional op and takes no epilogue, so that a session on it composes
/// everything from the required ops of another one.
final class RequiredOpsBackend: Backend {
    private let base: any Backend

    init(_ base: any Backend) { self.base = base }

    func supports(_ arguments: any OpArguments) -> Bool {
        switch arguments {
        case let arguments as LinearArguments where !arguments.epilogue.isEmpty: false
        case let arguments as Conv2dArguments where !arguments.epilogue.isEmpty: false
        default: hasNative(type(of: arguments).op) && base.supports(arguments)
        }
    }

    func makeBuffer(byteCount: Int) throws(BackendError) -> BufferHandle { try base.makeBuffer(byteCount: byteCount) }
    func destroyBuffer(_ buffer: BufferHandle) throws(BackendError) { try base.destroyBuffer(buffer) }
    func upload(_ bytes: UnsafeRawBufferPointer, to buffer: BufferHandle, byteOffset: Int) throws(BackendError) {
        try base.upload(bytes, to: buffer, byteOffset: byteOffset)
    }
    func download(
        _ bytes: UnsafeMutableRawBufferPointer, from buffer: BufferHandle, byteOffset: Int
    ) throws(BackendError) {
        try base.download(bytes, from: buffer, byteOffset: byteOffset)
    }
    func synchronize() throws(BackendError) { try base.synchronize() }
    func prepareWeight(_ description: WeightDescription) throws(BackendError) -> PreparedWeight {
        try base.prepareWeight(description)
    }
    func releaseWeight(_ weight: BufferHandle) throws(BackendError) { try base.releaseWeight(weight) }

    func fill(_ arguments: FillArguments) throws(BackendError) { try base.fill(arguments) }
    func copy(_ arguments: CopyArguments) throws(BackendError) { try base.copy(arguments) }
    func gatherRows(_ arguments: GatherRowsArguments) throws(BackendError) { try base.gatherRows(arguments) }
    func add(_ arguments: AddArguments) throws(BackendError) { try base.add(arguments) }
    func multiply(_ arguments: MultiplyArguments) throws(BackendError) { try base.multiply(arguments) }
    func scale(_ arguments: ScaleArguments) throws(BackendError) { try base.scale(arguments) }
    func activation(_ arguments: ActivationArguments) throws(BackendError) { try base.activation(arguments) }
    func matmul(_ arguments: MatmulArguments) throws(BackendError) { try base.matmul(arguments) }
    func linear(_ arguments: LinearArguments) throws(BackendError) { try base.linear(arguments) }
    func conv2d(_ arguments: Conv2dArguments) throws(BackendError) { try base.conv2d(arguments) }
    func maxPool2d(_ arguments: MaxPool2dArguments) throws(BackendError) { try base.maxPool2d(arguments) }
    func softmax(_ arguments: SoftmaxArguments) throws(BackendError) { try base.softmax(arguments) }
    func layerNorm(_ arguments: LayerNormArguments) throws(BackendError) { try base.layerNorm(arguments) }
    func groupNorm(_ arguments: GroupNormArguments) throws(BackendError) { try base.groupNorm(arguments) }
    func reduce(_ arguments: ReduceArguments) throws(BackendError) { try base.reduce(arguments) }
    func argReduce(_ arguments: ArgReduceArguments) throws(BackendError) { try base.argReduce(arguments) }
}
