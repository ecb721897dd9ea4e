// SPDX-License-Identifier: MIT
internal import BeastCore
private import Glibc

/// OpenBLAS, opened when a probe or a context asks for it: a machine without it gets a reason, not a loader's error.
struct BLASLibrary: Sendable {
    /// cblas_sgemm(order, transpose A, transpose B, M, N, K, alpha, A, lda, B, ldb, beta, C, ldc)
    typealias Gemm =
        @convention(c) (
            Int32, Int32, Int32, Int32, Int32, Int32, Float, UnsafePointer<Float>?, Int32, UnsafePointer<Float>?, Int32,
            Float, UnsafeMutablePointer<Float>?, Int32
        ) -> Void

    let gemm: Gemm
    /// What the library says of itself, such as "OpenBLAS 0.3.21 DYNAMIC_ARCH NO_AFFINITY Zen".
    let configuration: String

    /// The library, or why there is none. It is told to compute on the calling thread: the backend splits the work over
    /// the threads that its other kernels use too.
    static let shared: Result<BLASLibrary, BackendError> = {
        // Told only afterwards, it would have started its own threads, which keep processors busy while they wait.
        setenv("OPENBLAS_NUM_THREADS", "1", 1)
        guard let library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL) else {
            return .failure(
                BackendError(
                    .unsupported,
                    "libopenblas.so.0 cannot be opened (\(String(cString: dlerror()))); "
                        + "Debian: apt-get install libopenblas0-pthread"))
        }
        guard let gemm = dlsym(library, "cblas_sgemm"), let limit = dlsym(library, "openblas_set_num_threads"),
            let describe = dlsym(library, "openblas_get_config")
        else { return .failure(BackendError(.unsupported, "libopenblas.so.0 lacks the functions of OpenBLAS")) }
        unsafeBitCast(limit, to: (@convention(c) (Int32) -> Void).self)(1)
        let text = unsafeBitCast(describe, to: (@convention(c) () -> UnsafePointer<CChar>?).self)()
        return .success(
            BLASLibrary(
                gemm: unsafeBitCast(gemm, to: Gemm.self),
                configuration: text.map { String(cString: $0) }?.split(separator: " ").joined(separator: " ")
                    ?? "OpenBLAS"))
    }()
}
