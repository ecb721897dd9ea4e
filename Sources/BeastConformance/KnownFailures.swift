// SPDX-License-Identifier: MIT
internal import FoundationEssentials

/// Cases that are known to fail, each with the reason. A listed case that fails is no error; one that passes is.
///
/// A line holds the name of a case as `--list` prints it, with or without its seed, or the beginning of names and a
/// `*`; then, if wanted, ` : ` and the reason. Empty lines and lines that begin with `#` say nothing.
public struct KnownFailures: Sendable {
    private struct Entry {
        var pattern: String
        var reason: String

        func matches(_ name: String) -> Bool {
            if pattern.hasSuffix("*") { return name.hasPrefix(pattern.dropLast()) }
            return name == pattern || name.hasPrefix(pattern + ", seed ")
        }
    }

    private let entries: [Entry]

    /// Reads the text of a list.
    public init(_ text: String) {
        entries = text.split(whereSeparator: \.isNewline).compactMap { (line: Substring) -> Entry? in
            let line = trimmed(line)
            guard !line.isEmpty, !line.hasPrefix("#") else { return nil }
            if line.hasSuffix(" :") { return Entry(pattern: trimmed(line.dropLast(2)), reason: "") }
            guard let separator = line.firstRange(of: " : ") else { return Entry(pattern: line, reason: "") }
            return Entry(
                pattern: trimmed(line[..<separator.lowerBound]), reason: trimmed(line[separator.upperBound...]))
        }
    }

    /// Reads a file.
    /// - Throws: ``FixtureError`` when it cannot be read.
    public init(path: String) throws {
        do {
            self.init(String(decoding: try Data(contentsOf: URL(filePath: path)), as: UTF8.self))
        } catch {
            throw FixtureError("\(path): cannot read the list of known failures: \(error)")
        }
    }

    /// The reason given for a case; nil where it is not listed.
    public func reason(for name: String) -> String? { entries.first { $0.matches(name) }?.reason }

    /// The lines that mean none of these cases.
    public func unused(among names: [String]) -> [String] {
        entries.filter { entry in !names.contains(where: entry.matches) }.map(\.pattern)
    }
}

private func trimmed(_ text: Substring) -> String {
    let start = text.drop { $0 == " " || $0 == "\t" }
    guard let end = start.lastIndex(where: { $0 != " " && $0 != "\t" }) else { return "" }
    return String(start[...end])
}

extension ConformanceResult {
    /// The result in the light of what is known.
    func judged(by known: KnownFailures) -> ConformanceResult {
        guard let reason = known.reason(for: testCase.name) else { return self }
        var result = self
        switch outcome {
        case .failed(let message): result.outcome = .knownFailure(message, reason: reason)
        case .crashed(let message), .hung(let message):
            result.outcome = .knownFailure("\(status.rawValue): \(message)", reason: reason)
        case .passed: result.outcome = .unexpectedPass(reason: reason)
        case .unsupported, .knownFailure, .unexpectedPass: break
        }
        return result
    }
}
