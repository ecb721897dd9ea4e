// SPDX-License-Identifier: MIT
import ArgumentParser
import BeastCore
import Menagerie

struct Compare: CommonOptionsCommand {
    static let configuration = CommandConfiguration(
        abstract: "Embed the same pictures on two backends and tell how far the results lie apart.",
        discussion: """
            The first backend is taken as right and computes in f32; --precision is that of the second. The exit code is 4 when a picture's relative error (the length of the \
            difference over the length of the right embedding) is beyond the bound, or a number is NaN or infinite.
            """)

    @Argument(help: "The backend that is taken as right: a name, NAME:DEVICE, FILE.so or auto.")
    var right: String

    @Argument(help: "The backend to compare with it.")
    var other: String

    @Argument(help: "Pictures, folders, patterns, or - for a list on standard input.")
    var inputs: [String] = []

    @Option(name: .long, help: "The model (default: the built-in \(Catalogue.defaultName)).")
    var model = Catalogue.defaultName

    @OptionGroup var weights: WeightOptions

    @Option(
        name: .long,
        help:
            "What the relative error of a picture may be (default: 0.0001; in f16 0.005, in bf16 0.03, in int8 0.045).")
    var bound: Double?

    @Option(name: .long, help: "Compare so many pictures of random numbers too, or instead.")
    var random = 0

    @Option(name: .long, help: "The seed of the random pictures.")
    var seed: UInt64 = 1

    @Option(name: .long, help: "Side of the pictures in pixels (default: the model's own).")
    var size: Int?

    @Option(name: .long, help: "Pictures computed at a time.")
    var batchSize = 8

    @Option(name: .long, help: "Threads to compute with (default: one a core).")
    var threads: Int?

    @OptionGroup var precisionOptions: PrecisionOptions

    @Option(name: .long, help: "How to print: text (default) or json.", completion: .list(["text", "json"]))
    var format: String?

    @OptionGroup var common: CommonOptions

    func validate() throws {
        if let format, !["text", "json"].contains(format) {
            throw ValidationError("--format '\(format)': formats are text and json")
        }
        if common.json, format == "text" { throw ValidationError("--json and --format text exclude each other") }
        if let bound, !(bound >= 0 && bound.isFinite) { throw ValidationError("--bound \(bound): must be 0 or more") }
        if random < 0 || random > 1_000_000 { throw ValidationError("--random \(random): must be 0 to 1000000") }
        if inputs.isEmpty, random == 0 {
            throw ValidationError("nothing to compare; name pictures, or give --random N for random ones")
        }
        if batchSize < 1 || batchSize > 4096 { throw ValidationError("--batch-size \(batchSize): must be 1 to 4096") }
        if let size, size < 1 || size > 8192 { throw ValidationError("--size \(size): must be 1 to 8192") }
        if let threads, threads < 1 || threads > 1024 {
            throw ValidationError("--threads \(threads): must be 1 to 1024")
        }
    }

    func run() throws {
        let card = try Catalogue.model(named: model)
        let discovery = BackendDiscovery.ofThisProcess()
        let backends = try [right, other].map { text in
            let chosen = try discovery.choose(try BackendChoice(text))
            if text == "auto" || common.verbose { common.note("backend: \(chosen.summary)") }
            return chosen
        }
        var comparison = BackendComparison(card: card, right: backends[0], other: backends[1])
        comparison.weights = weights.choice
        comparison.hub = weights.hub.access(common)
        comparison.paths = inputs.isEmpty ? [] : try InputList(inputs, standardInput: readStandardInput).paths
        comparison.randomCount = random
        comparison.seed = seed
        comparison.size = size
        comparison.batchSize = batchSize
        comparison.precision = try precisionOptions.precision.resolved(on: backends[1])
        comparison.threadCount = threads ?? ProcessorCount.available
        try comparison.check()

        var progress = Progress(total: comparison.paths.count + random, isQuiet: common.quiet)
        let difference: EmbeddingDifference
        do {
            defer { progress.clear() }
            difference = try comparison.run { done in progress.show(done) }
        }
        let labels = backends.map(\.label)
        let bound = bound ?? comparison.precision.expectedError
        if common.json || format == "json" {
            try JSONOutput.print(Report(difference, model: card.name, backends: labels, bound: bound))
        } else {
            StandardOutput.print(text(difference, labels, bound))
        }
        if !difference.isWithin(bound) { throw ExitCode(4) }
    }

    private func text(_ difference: EmbeddingDifference, _ labels: [String], _ bound: Double) -> String {
        let verdict = difference.isWithin(bound) ? "within" : "beyond"
        return table([
            ["pictures", "\(difference.pictures.count), \(labels[1]) against \(labels[0])"],
            ["largest absolute error", "\(difference.maximum)"],
            ["mean absolute error", "\(difference.mean)"],
            ["relative error", "\(difference.relative), \(verdict) the bound \(bound)"],
            ["lowest cosine", "\(difference.cosine)"],
            ["worst picture", StandardError.visible(difference.worst?.name ?? "none")],
        ])
    }

    /// NaN, which JSON does not have, is null.
    private struct Report: Encodable {
        struct Picture: Encodable {
            let name: String
            let maximumError: Double?
            let relativeError: Double?
            let cosine: Double?
        }

        let model: String
        let right: String
        let other: String
        let bound: Double
        let isWithinBound: Bool
        let maximumError: Double?
        let meanError: Double?
        let relativeError: Double?
        let lowestCosine: Double?
        let worstPicture: String?
        let pictures: [Picture]

        init(_ difference: EmbeddingDifference, model: String, backends: [String], bound: Double) {
            func finite(_ value: Double) -> Double? { value.isFinite ? value : nil }
            self.model = model
            right = backends[0]
            other = backends[1]
            self.bound = bound
            isWithinBound = difference.isWithin(bound)
            maximumError = finite(difference.maximum)
            meanError = finite(difference.mean)
            relativeError = finite(difference.relative)
            lowestCosine = finite(difference.cosine)
            worstPicture = difference.worst?.name
            pictures = difference.pictures.map { picture in
                Picture(
                    name: picture.name, maximumError: finite(picture.maximum), relativeError: finite(picture.relative),
                    cosine: finite(picture.cosine))
            }
        }
    }
}
