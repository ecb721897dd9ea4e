// SPDX-License-Identifier: MIT
import ArgumentParser

/// The values of an option that takes several: `1,8,32`.
enum CommaList {
    /// - Throws: a usage error for an empty entry or one that is given twice.
    static func texts(_ text: String, _ option: String) throws -> [String] {
        let entries = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        var seen: Set<String> = []
        for entry in entries {
            if entry.isEmpty { throw ValidationError("\(option) '\(text)': an entry of the list is empty") }
            if !seen.insert(entry).inserted { throw ValidationError("\(option) '\(text)': '\(entry)' is given twice") }
        }
        return entries
    }

    /// - Throws: a usage error for what is no whole number of the range.
    static func numbers(_ text: String, _ option: String, _ range: ClosedRange<Int>) throws -> [Int] {
        try texts(text, option).map { entry in
            guard let number = Int(entry) else { throw ValidationError("\(option) '\(entry)': is no whole number") }
            guard range.contains(number) else {
                throw ValidationError("\(option) \(number): must be \(range.lowerBound) to \(range.upperBound)")
            }
            return number
        }
    }
}
