// SPDX-License-Identifier: MIT

/// How a code is chosen from logits.
public struct SamplingRule: Sendable, Equatable {
    /// Logits are divided by it; 0 takes the most likely code, the first of equals.
    public var temperature: Double
    /// Only codes whose logit is at least the k-th largest can be drawn: more than k where several equal it. nil for all.
    public var topK: Int?
    /// Of those, only the most likely codes that together have at least this probability; nil for all.
    public var topP: Double?

    /// The published way: temperature 1, the 128 most likely codes.
    public init(temperature: Double = 1, topK: Int? = 128, topP: Double? = nil) {
        self.temperature = temperature
        self.topK = topK
        self.topP = topP
    }

    public var isGreedy: Bool { temperature == 0 }

    /// - Throws: ``ModelError`` (`badInput`) naming the value that makes no sense.
    public func validate(codeCount: Int) throws(ModelError) {
        guard temperature >= 0, temperature.isFinite else {
            throw ModelError(.badInput, "temperature \(temperature): must be 0 (the most likely code) or more")
        }
        if let topK, topK < 1 || topK > codeCount {
            throw ModelError(
                .badInput, "top-k \(topK): the model has \(codeCount) codes, so it must be 1 to \(codeCount)")
        }
        if let topP, !(topP > 0 && topP <= 1) {
            throw ModelError(.badInput, "top-p \(topP): must be above 0 and at most 1")
        }
    }
}
