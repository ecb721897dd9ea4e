// SPDX-License-Identifier: MIT
import BeastConfigurations
import BeastCore
import BeastHub
import BeastMedia
import BeastWeights
import Menagerie

/// An error on its way out: one line on standard error, and an exit code (as in `sysexits.h`).
struct Failure {
    let line: String
    let cause: String?
    let exitCode: Int32
    /// A reader that went away knows that it did.
    let isSilent: Bool

    /// - Returns: nil for an error that is none of ours: the parser's.
    init?(_ error: any Error) {
        switch error {
        case let error as MenagerieError: exitCode = error.code.exitCode
        case let error as HubError: exitCode = error.code.exitCode
        case let error as WeightsError: exitCode = error.code == .cannotRead || error.code == .notRegularFile ? 66 : 65
        case let error as ConfigurationError:
            exitCode = error.code == .cannotRead || error.code == .notRegularFile ? 66 : 65
        case let error as MediaError:
            exitCode = [.notFound, .unreadable, .notARegularFile].contains(error.code) ? 66 : 65
        case let error as ModelError: exitCode = error.code == .unknownLayer ? 64 : 65
        case let error as BackendError: exitCode = error.code == .internal ? 70 : 69
        case is PluginError: exitCode = 69
        case is InputFailure: exitCode = 66
        default: return nil
        }
        line = "\(error)"
        isSilent = (error as? MenagerieError)?.code == .readerGone
        cause = ((error as? MenagerieError)?.cause ?? (error as? HubError)?.cause).map { "\($0)" }
    }

    func end(isVerbose: Bool) -> Never {
        if !isSilent {
            StandardError.print("beasts: \(line)")
            if isVerbose, let cause, cause != line { StandardError.print("  because: \(cause)") }
        }
        Foreground.exit(exitCode)
    }
}

extension HubError.Code {
    var exitCode: Int32 {
        switch self {
        case .usage: 64
        case .badReply, .corrupted, .changed: 65
        case .diskFull, .inputOutput: 74
        case .interrupted: 130
        default: 69
        }
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
        case .inputOutput, .readerGone: 74
        case .interrupted: 130
        }
    }
}
