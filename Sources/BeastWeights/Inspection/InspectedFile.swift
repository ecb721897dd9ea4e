// SPDX-License-Identifier: MIT

/// A file of weights or numbers, opened to be looked at.
public enum InspectedFile {
    case checkpoint(Checkpoint)
    /// A `.npy` file with the sizes of its data and of the whole, in bytes.
    case array(NumpyHeader, dataSize: Int, fileSize: Int)

    /// Opens a checkpoint or a `.npy` file, told apart by content. No tensor data is read and nothing is executed.
    ///
    /// - Throws: ``WeightsError``, whose ``WeightsError/dangerousUses`` tell what a file does before it breaks off.
    public static func open(path: String) throws(WeightsError) -> InspectedFile {
        try naming(path) { () throws(WeightsError) in
            let file = try InputFile(path: path)
            guard try NumpyHeader.isStart(of: file) else { return .checkpoint(try Checkpoint(file)) }
            let (header, data) = try NumpyHeader.readChecked(file)
            return .array(header, dataSize: data.count, fileSize: file.size)
        }
    }
}
