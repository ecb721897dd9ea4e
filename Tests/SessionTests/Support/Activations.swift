// SPDX-License-Identifier: MIT
import BeastCore
import Foundation

extension Activation {
    /// From the definitions of the contract.
    func naive(_ x: Double) -> Double {
        switch self {
        case .none: x
        case .relu: max(x, 0)
        case .gelu: x / 2 * (1 + erf(x / 2.0.squareRoot()))
        case .silu: x / (1 + exp(-x))
        }
    }
}

/// What an epilogue makes of a product.
struct NaiveEpilogue {
    var bias: Grid?
    var residual: Grid?
    var activation = Activation.none
    var order = EpilogueOrder.activationThenResidual

    /// - Parameter products: the last axis is that of the channels.
    func applied(to products: Grid) -> Grid {
        var result = products
        let channels = products.shape.last ?? 1
        for index in result.elements.indices {
            let biased = products.elements[index] + (bias?.elements[index % channels] ?? 0)
            let rest = residual?.elements[index] ?? 0
            result.elements[index] =
                switch order {
                case .activationThenResidual: activation.naive(biased) + rest
                case .residualThenActivation: activation.naive(biased + rest)
                }
        }
        return result
    }
}
