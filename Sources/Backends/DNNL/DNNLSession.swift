// SPDX-License-Identifier: MIT
internal import BeastCore
internal import CPUSupport
internal import DNNLLibrary

/// An engine and a stream of oneDNN, owned.
final class DNNLSession {
    let pointer: OpaquePointer
    /// Owns the pool that packed weights lie in.
    private let memory: HostMemory

    /// - Throws: `outOfMemory`.
    init(_ memory: HostMemory) throws(BackendError) {
        self.memory = memory
        guard let pointer = dnnl_session_create(memory.pool) else {
            throw BackendError(.outOfMemory, "no memory for an engine of oneDNN")
        }
        self.pointer = pointer
    }

    deinit { dnnl_session_destroy(pointer) }

    /// The error for a status of the library.
    static func failure(_ what: String, _ status: Int32) -> BackendError {
        switch Int(status) {
        case DNNL_STATUS_OUT_OF_MEMORY: BackendError(.outOfMemory, "\(what): no memory")
        case DNNL_STATUS_UNIMPLEMENTED: BackendError(.unsupported, "\(what): oneDNN does not do this one")
        default: BackendError(.internal, "\(what): oneDNN's status is \(status)")
        }
    }

    /// How a residual is given to the library.
    static func residual(_ epilogue: Epilogue, output: TensorView) -> dnnl_product_residual {
        switch epilogue.residual {
        case nil: DNNL_RESIDUAL_NONE
        case output?: DNNL_RESIDUAL_OUTPUT
        case .some: DNNL_RESIDUAL_OTHER
        }
    }
}
