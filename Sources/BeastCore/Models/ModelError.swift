// SPDX-License-Identifier: MIT

/// Why a model cannot be built from a checkpoint, or asked for an output.
public struct ModelError: Error, Sendable, CustomStringConvertible {
    public enum Code: Sendable {
        /// The checkpoint does not have a tensor that the model needs.
        case missingTensor
        /// It has it in another shape.
        case wrongShape
        /// No model has these sizes.
        case badConfiguration
        /// A picture that the model cannot take.
        case badInput
        /// Numbers that are NaN or infinite where a model computed them.
        case notFinite
        /// A layer that the model does not have.
        case unknownLayer
    }

    /// What kind of failure it is.
    public let code: Code
    /// Tensor or layer, what was found, what was needed, in which file: one line.
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }
}
