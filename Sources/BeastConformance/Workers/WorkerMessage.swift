// SPDX-License-Identifier: MIT
internal import FoundationEssentials

/// What a worker tells the process that started it, a line of JSON each.
///
/// The reader believes none of it: a plugin in the worker may have written the line.
enum WorkerMessage: Codable, Equatable {
    /// What it does next, before the first case.
    case starting(Stage)
    /// It cannot run any case.
    case refused(Refusal)
    case ready(Ready)
    /// The case it begins with now, by its place in the list.
    case started(Int)
    case finished(Answer)

    /// The steps before the first case, in order.
    enum Stage: String, Codable {
        case open = "opening the library"
        case probe = "probing the device"
        case context = "making a context"
    }

    struct Refusal: Codable, Equatable {
        /// Whether the library is in order and only cannot be used here: it says so itself.
        var isUnavailable: Bool
        var message: String
    }

    /// What the worker has before it.
    struct Ready: Codable, Equatable {
        var name: String
        var version: String
        /// The ops that the library has an entry for.
        var ops: [String]
        /// How many cases it knows, and a number that is another one for another list.
        var caseCount: Int
        var digest: UInt64
    }

    /// What became of a case.
    struct Answer: Codable, Equatable {
        var index: Int
        var status: CaseStatus
        var detail = ""
        var errorRatio: Double?
        var worstElement: String?
        var isIdentical: Bool?
    }

    /// A line longer than this is no answer.
    static let longestLine = 1 << 20

    /// - Throws: for a line that is no message.
    init(line: [UInt8]) throws {
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        self = try decoder.decode(WorkerMessage.self, from: Data(line))
    }

    /// With the newline at its end.
    func line() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return Array(try encoder.encode(self)) + [UInt8(ascii: "\n")]
    }

    /// FNV-1a over the names of the cases: both sides must mean the same case by a number.
    static func digest(of names: some Sequence<String>) -> UInt64 {
        names.reduce(0xcbf2_9ce4_8422_2325) { digest, name in
            (Array(name.utf8) + [0]).reduce(digest) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        }
    }
}
