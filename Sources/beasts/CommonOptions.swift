// SPDX-License-Identifier: MIT
public import ArgumentParser
import BeastCore
public import Menagerie

/// Options that mean the same everywhere.
struct CommonOptions: ParsableArguments {
    @Flag(name: .long, help: "Say more: the choice of backend, counts of ops, causes of errors.")
    var verbose = false

    @Flag(name: .long, help: "Say nothing but errors on standard error.")
    var quiet = false

    @Flag(name: .long, help: "Print the result as JSON on standard output.")
    var json = false

    func note(_ text: String) { if !quiet { StandardError.print(text) } }
}

protocol CommonOptionsCommand: ParsableCommand {
    var common: CommonOptions { get }
}

/// Where to compute.
struct BackendOptions: ParsableArguments {
    @Option(name: .long, help: "A name, NAME:DEVICE, FILE.so, or auto for the best that is here.")
    var backend = "auto"

    @Option(name: .long, help: "Threads to compute and to read pictures with (default: one a core).")
    var threads: Int?

    @OptionGroup var precisionOptions: PrecisionOptions

    var precision: ComputePrecision { precisionOptions.precision }

    /// Chooses the backend, and says so where the user did not.
    func choose(_ common: CommonOptions) throws -> ChosenBackend {
        let chosen = try BackendDiscovery.ofThisProcess().choose(try BackendChoice(backend))
        if backend == "auto" || common.verbose { common.note("backend: \(chosen.summary)") }
        let resolved = try precision.resolved(on: chosen)
        if precision == .auto || common.verbose { common.note("precision: \(resolved.rawValue)") }
        return chosen
    }

    func validate() throws {
        if let threads, threads < 1 || threads > 1024 {
            throw ValidationError("--threads \(threads): must be 1 to 1024")
        }
    }
}

extension ComputePrecision: ExpressibleByArgument {}

/// What to compute with.
struct PrecisionOptions: ParsableArguments {
    @Option(name: .long, help: "What activations and weights are stored as between products.")
    var precision = ComputePrecision.f32
}
