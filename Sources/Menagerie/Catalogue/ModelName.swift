// SPDX-License-Identifier: MIT

/// `algorithm_data_architecture`, such as `dino_kinetics-200h_vitb14`.
///
/// The algorithm stands before the first underscore, the architecture behind the last, and the data between them, so that
/// the older spelling `imagenet_100` of the published documents is one data set too.
struct ModelName: Equatable {
    var algorithm: String
    var dataSet: String
    var architecture: String

    /// Older spellings of data sets.
    private static let aliases = [
        "imagenet_100": "imagenet100", "imagenet_10": "imagenet10", "imagenet_3": "imagenet3",
        "imagenet_1": "imagenet1",
    ]

    init(algorithm: String, dataSet: String, architecture: String) {
        self.algorithm = algorithm
        self.dataSet = ModelName.aliases[dataSet] ?? dataSet
        self.architecture = architecture
    }

    /// nil for a text of fewer than three parts.
    init?(_ text: String) {
        let parts = text.split(separator: "_", omittingEmptySubsequences: false).map(String.init)
        guard parts.count >= 3 else { return nil }
        self.init(
            algorithm: parts[0], dataSet: parts[1..<parts.count - 1].joined(separator: "_"),
            architecture: parts[parts.count - 1])
    }

    var text: String { "\(algorithm)_\(dataSet)_\(architecture)" }

    /// How many of the three parts are the same.
    func agreement(with other: ModelName) -> Int {
        (algorithm == other.algorithm ? 1 : 0) + (dataSet == other.dataSet ? 1 : 0)
            + (architecture == other.architecture ? 1 : 0)
    }
}
