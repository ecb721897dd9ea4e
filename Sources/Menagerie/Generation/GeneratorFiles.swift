// SPDX-License-Identifier: MIT
public import BeastCore

/// Files of a generator that are taken instead of the published ones.
public struct GeneratorFiles: Sendable, Equatable {
    /// The checkpoint of the transformer; of the built-in generator, that of both halves.
    public var transformer: String?
    /// The checkpoint of the tokeniser.
    public var tokenizer: String?
    /// The tokeniser's sizes where they are not those of the catalogue.
    public var configuration: VQGANConfiguration?

    public init(transformer: String? = nil, tokenizer: String? = nil, configuration: VQGANConfiguration? = nil) {
        self.transformer = transformer
        self.tokenizer = tokenizer
        self.configuration = configuration
    }
}
