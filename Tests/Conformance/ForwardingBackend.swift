// SPDX-License-Identifier: MIT
import BeastCore

/// A backend that does what another one does, until a subclass overrides an op.
class ForwardingBackend: Backend {
    let base: PluginBackend

    init(_ base: PluginBackend) { self.base = base }

    func makeBuffer(byteCount: Int) throws(BackendError) -> BufferHandle { try base.makeBuffer(byteCount: byteCount) }
    func destroyBuffer(_ buffer: BufferHandle) throws(BackendError) { try base.destroyBuffer(buffer) }
    func upload(_ bytes: UnsafeRawBufferPointer, to buffer: BufferHandle, byteOffset: Int) throws(BackendError) {
        try base.upload(bytes, to: buffer, byteOffset: byteOffset)
    }
    func download(_ bytes: UnsafeMutableRawBufferPointer, from buffer: BufferHandle, byteOffset: Int)
        throws(BackendError)
    {
        try base.download(bytes, from: buffer, byteOffset: byteOffset)
    }
    func map(_ buffer: BufferHandle) throws(BackendError) -> UnsafeMutableRawPointer? { try base.map(buffer) }
    func synchronize() throws(BackendError) { try base.synchronize() }
    func prepareWeight(_ description: WeightDescription) throws(BackendError) -> PreparedWeight {
        try base.prepareWeight(description)
    }
    func releaseWeight(_ weight: BufferHandle) throws(BackendError) { try base.releaseWeight(weight) }
    func supports(_ arguments: any OpArguments) -> Bool { base.supports(arguments) }

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
    func attention(_ arguments: AttentionArguments) throws(BackendError) { try base.attention(arguments) }
    func attentionProbabilities(_ arguments: AttentionProbabilitiesArguments) throws(BackendError) {
        try base.attentionProbabilities(arguments)
    }
    func residualLayerNorm(_ arguments: ResidualLayerNormArguments) throws(BackendError) {
        try base.residualLayerNorm(arguments)
    }
    func conv3d(_ arguments: Conv3dArguments) throws(BackendError) { try base.conv3d(arguments) }
    func convTranspose3d(_ arguments: ConvTranspose3dArguments) throws(BackendError) {
        try base.convTranspose3d(arguments)
    }
    func patchEmbedding(_ arguments: PatchEmbeddingArguments) throws(BackendError) {
        try base.patchEmbedding(arguments)
    }
    func nearestCode(_ arguments: NearestCodeArguments) throws(BackendError) { try base.nearestCode(arguments) }
    func topK(_ arguments: TopKArguments) throws(BackendError) { try base.topK(arguments) }
}
