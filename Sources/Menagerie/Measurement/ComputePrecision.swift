// SPDX-License-Identifier: MIT
/// What activations and weights are stored as between products.
public enum ComputePrecision: String, Sendable, CaseIterable {
    /// The backend's own choice: today f32 everywhere.
    case auto
    case f32
    case bf16

    /// What it comes to on a backend. The one place that decides what can be computed today.
    /// - Parameter backend: its name, for the message.
    /// - Throws: ``MenagerieError`` for a precision that the backend does not have.
    public func resolved(onBackend backend: String) throws -> ComputePrecision {
        switch self {
        case .auto, .f32: return .f32
        case .bf16:
            throw MenagerieError(
                .unavailable, "precision bf16 is unsupported by backend '\(backend)'; f32 and auto are supported")
        }
    }
}
