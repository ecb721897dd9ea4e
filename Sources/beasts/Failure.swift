// SPDX-License-Identifier: MIT
import BeastCore
import BeastMedia
import BeastWeights
import Glibc
import Menagerie

/// An error on its way out: one line on standard error, and an exit code (as in `sysexits.h`).
struct Failure {
    let line: String
    let causes: [String]
    let exitCode: Int32

    init(_ error: any Error) {
        var causes: [String] = []
        if let error = error as? MenagerieError, let cause = error.cause { causes.append("\(cause)") }
        self.causes = causes
        line = "\(error)".split(whereSeparator: \.isNewline).joined(separator: " ")
        exitCode =
            switch error {
            case let error as MenagerieError: error.code.exitCode
            case let error as WeightsError: error.code == .cannotRead || error.code == .notRegularFile ? 66 : 65
            case let error as MediaError: error.code == .notFound || error.code == .unreadable ? 66 : 65
            case let error as ModelError: error.code == .unknownLayer ? 64 : 65
            case let error as BackendError: error.code == .internal ? 70 : 69
            case is PluginError: 69
            default: 70
            }
    }

    func end(isVerbose: Bool) -> Never {
        StandardError.print("beasts: \(line)")
        if isVerbose { for cause in causes { StandardError.print("  because: \(cause)") } }
        Foreground.exit(exitCode)
    }
}

extension MenagerieError.Code {
    var exitCode: Int32 {
        switch self {
        case .usage: 64
        case .badData: 65
        case .inputMissing: 66
        case .unavailable: 69
        case .internal: 70
        case .outputCannotBeCreated: 73
        case .inputOutput: 74
        case .interrupted: 130
        }
    }
}
