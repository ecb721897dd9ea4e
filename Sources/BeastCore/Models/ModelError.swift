// SPDX-License-Identifier: MIT

/// Why a model cannot be built from a checkpoint, or asked for an output.
public struct ModelError: Error, Sendable, CustomStringConvertible {
    public enum Code: Sendable {
        case missingTensor
        case wrongShape
        case badConfiguration
        case badInput
        case unknownLayer
    }

    public let code: Code
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }
}
