// SPDX-License-Identifier: MIT

/// The format of an output: it gets the pictures one by one, and its file appears when everything is there.
protocol EmbeddingSink: AnyObject {
    /// The files that belong together, the output last.
    var files: [OutputFile] { get }

    /// Called once, before the first picture.
    /// - Parameter shapes: of each array's part of a picture: [D], [patches, D] or [rows, columns, channels].
    func begin(_ shapes: [[Int]]) throws

    /// - Parameter rows: the picture's numbers for each array.
    func append(path: String, _ rows: [UnsafeBufferPointer<Float>]) throws

    /// Writes what can only be known at the end.
    func finish() throws
}

/// The arrays of a file, which grow side by side and come to lie one behind the other.
///
/// The first is written in place; the others wait in files of their own.
final class ArrayStreams {
    let output: OutputFile
    private var spools: [SpoolFile] = []

    /// - Parameter count: how many arrays.
    init(_ output: OutputFile, count: Int) throws {
        self.output = output
        spools = try (1..<max(1, count)).map { _ in try SpoolFile(beside: output.path) }
    }

    func append(_ numbers: UnsafeBufferPointer<Float>, toArray index: Int) throws {
        let bytes = UnsafeRawBufferPointer(numbers)
        if index == 0 { try output.write(bytes) } else { try spools[index - 1].write(bytes) }
    }

    /// Puts an array behind what is written; in order, from the second on.
    func place(array index: Int) throws { try spools[index - 1].copy(to: output) }
}
