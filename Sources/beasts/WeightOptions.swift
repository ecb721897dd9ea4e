// SPDX-License-Identifier: MIT
import ArgumentParser
import Menagerie

/// Where the weights of a measured model come from.
struct WeightOptions: ParsableArguments {
    @Option(
        name: .long, help: "A checkpoint file for the model (default: the cache, else the hub).", completion: .file())
    var weights: String?

    @Flag(name: .long, help: "Use seeded random weights, so that no checkpoint is needed.")
    var randomWeights = false

    @OptionGroup var hub: HubOptions

    var choice: WeightChoice {
        if randomWeights { return .random(seed: 1) }
        return weights.map { .file($0) } ?? .published
    }

    func validate() throws {
        if randomWeights, weights != nil { throw ValidationError("--weights and --random-weights exclude each other") }
    }
}
