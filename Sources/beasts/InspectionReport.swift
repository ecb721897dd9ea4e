// SPDX-License-Identifier: MIT
import BeastWeights

/// What is told about one file: as text, or as JSON with the same content.
struct InspectionReport: Encodable {
    struct Row: Encodable {
        let depth: Int
        let key: String
        let kind: String
        let text: String
        let isContainer: Bool
    }

    struct Tensor: Encodable {
        let name: String
        let dtype: String
        let shape: [Int]
        let byteCount: Int?
    }

    struct Danger: Encodable {
        let symbol: String
        let call: String?
    }

    let path: String
    var container: String?
    var fileSize: Int?
    var error: String?
    var dangers: [Danger] = []
    var content: [Row] = []
    var tensors: [Tensor] = []
    var tensorCount = 0
    var symbols: [String] = []
    var unknownSymbols: [String] = []
    var extraMembers: [String] = []
    var notes: [String] = []
    /// The error on its way to standard error; the rest of the report may still say something.
    private(set) var failure: Failure?

    private enum CodingKeys: String, CodingKey {
        case path, container, fileSize, error, dangers, content, tensors, tensorCount, symbols, unknownSymbols
        case extraMembers, notes
    }

    var isDangerous: Bool { !dangers.isEmpty }

    init(path: String, limits: Outline.Limits, verifies: Bool) {
        self.path = StandardError.visible(path)
        do {
            switch try InspectedFile.open(path: path) {
            case .checkpoint(let checkpoint):
                describe(checkpoint, limits)
                if verifies { notes.append("\(try checkpoint.verify()) checksums are right") }
            case .array(let header, let dataSize, let fileSize): describe(header, dataSize, fileSize)
            }
        } catch {
            failure = Failure(error)
            self.error = "\(error)"
            if dangers.isEmpty { dangers = error.dangerousUses.map(Danger.init) }
        }
    }

    private mutating func describe(_ checkpoint: Checkpoint, _ limits: Outline.Limits) {
        container = checkpoint.container.rawValue
        fileSize = checkpoint.fileSize
        dangers = checkpoint.dangerousUses.map(Danger.init)
        let outline = checkpoint.outline(limits)
        content = outline.rows.map {
            Row(depth: $0.depth, key: $0.key, kind: $0.kind, text: $0.text, isContainer: $0.isContainer)
        }
        tensorCount = outline.tensorCount
        tensors = outline.tensors.map { tensor in
            Tensor(
                name: tensor.name, dtype: StandardError.visible(tensor.description.elementType.description),
                shape: tensor.description.shape, byteCount: tensor.byteCount)
        }
        symbols = Self.texts(checkpoint.symbols, limits)
        unknownSymbols = Self.texts(checkpoint.unknownSymbols, limits)
        extraMembers = Self.texts(checkpoint.extraMembers, limits)
        notes = checkpoint.notes
    }

    private mutating func describe(_ header: NumpyHeader, _ dataSize: Int, _ fileSize: Int) {
        container = "NumPy array"
        self.fileSize = fileSize
        tensorCount = 1
        tensors = [Tensor(name: "", dtype: "\(header.element)", shape: header.shape, byteCount: dataSize)]
    }

    /// Names from the file, safe to print, and a remark on those left out.
    private static func texts(_ names: [some CustomStringConvertible], _ limits: Outline.Limits) -> [String] {
        let shown = names.prefix(limits.tensors).map { StandardError.visible($0.description) }
        return shown + (names.count > shown.count ? ["… \(names.count - shown.count) more"] : [])
    }

    // MARK: - Text

    var text: String {
        var lines = [container.map { "\(path): \($0), \(fileSize ?? 0) bytes" } ?? "\(path): cannot be read"]
        if isDangerous {
            lines.append("\nDANGEROUS: a Python loader would execute this (nothing was executed here)")
            lines += dangers.map { "  \($0.call ?? "\($0.symbol) is imported")" }
        }
        if !content.isEmpty { lines += ["\ncontent"] + content.map(Self.line) }
        if !tensors.isEmpty {
            lines.append("\ntensors (\(tensorCount))")
            lines.append(
                table(
                    tensors.map { tensor in
                        [
                            "  \(tensor.name)", tensor.dtype, "\(tensor.shape)",
                            tensor.byteCount.map { "\($0) bytes" } ?? "",
                        ]
                    }))
            if tensorCount > tensors.count {
                lines.append("  … \(tensorCount - tensors.count) more (--all lists them)")
            }
        }
        lines += Self.list("classes and functions that are named", symbols)
        lines += Self.list("of these without a meaning here: kept as inert objects", unknownSymbols)
        lines += Self.list("members that the checkpoint does not refer to", extraMembers)
        lines += Self.list("notes", notes)
        return lines.joined(separator: "\n")
    }

    private static func list(_ title: String, _ names: [String]) -> [String] {
        names.isEmpty ? [] : ["\n\(title)"] + names.map { "  \($0)" }
    }

    private static func line(_ row: Row) -> String {
        let indent = String(repeating: "  ", count: row.depth + 1)
        let label = row.key.isEmpty ? "" : "\(row.key): "
        let isReference = !row.isContainer && row.text.hasPrefix("the same as ")
        guard row.isContainer || isReference else { return indent + label + row.text }
        return indent + label + [row.kind, row.text].filter { !$0.isEmpty }.joined(separator: ", ")
    }
}

extension InspectionReport.Danger {
    init(_ use: DangerousUse) {
        symbol = StandardError.visible(use.symbol.description)
        call = use.call
    }
}
