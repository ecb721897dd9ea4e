// SPDX-License-Identifier: MIT
public import BeastCore

/// What is kept in memory between products, by the names of the command line.
public enum ComputePrecision: String, Sendable, CaseIterable {
    case f32
    case bf16
    case f16
    /// int8 matrices, bf16 activations.
    case int8
    /// The shortest 16-bit type that the device computes with natively, f32 where there is none.
    case auto

    /// What a session keeps. `auto` must be resolved before.
    public var storage: Precision {
        switch self {
        case .f32, .auto: .float32
        case .bf16: .bfloat16
        case .f16: .float16
        case .int8: .int8
        }
    }

    /// The relative error of an embedding that is taken for good against f32: a cosine of 0.9995 for bf16, 0.999 for int8.
    public var expectedError: Double {
        switch self {
        case .f32, .auto: 1e-4
        case .bf16: 0.03
        case .int8: 0.045
        case .f16: 0.005
        }
    }

    /// What it comes to on a backend. Nothing is emulated: a precision that the device does not compute in natively is an
    /// error.
    /// - Throws: ``MenagerieError`` that names the precisions there are.
    public func resolved(on backend: ChosenBackend) throws -> ComputePrecision {
        let there = ComputePrecision.native(to: backend.probe)
        if self == .auto { return there.first { $0 == .bf16 || $0 == .f16 } ?? .f32 }
        guard there.contains(self) else {
            let names = there.map(\.rawValue).joined(separator: ", ")
            throw MenagerieError(
                .unavailable,
                "precision \(rawValue) is unsupported by backend '\(backend.library.name)' on this device; supported: "
                    + "\(names), auto")
        }
        return self
    }

    private static func native(to probe: ProbeResult) -> [ComputePrecision] {
        let types = probe.nativeDTypes
        return allCases.filter { precision in
            switch precision {
            case .f32: true
            case .auto: false
            case .bf16, .f16: types.contains(precision.storage.activations)
            case .int8: types.contains(.int8) && types.contains(.bfloat16)
            }
        }
    }
}
