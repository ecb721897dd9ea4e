// SPDX-License-Identifier: MIT
internal import BeastMedia
private import Glibc

/// Where pictures that a model made are written: a grid of all of them, a file for each, or both.
public struct PictureOutput: Sendable {
    /// What becomes black and white.
    public enum Range: String, Sendable, CaseIterable {
        /// The smallest and largest number of all pictures of a grid, and of each picture that has a file of its own: the
        /// published way.
        case stretched
        /// -1 and 1.
        case fixed
    }

    /// A PNG file.
    public var gridPath: String?
    /// A folder that gets each picture as a PNG file; it is made if its parent is there.
    public var folder: String?
    public var range = Range.stretched
    /// Pictures side by side in the grid; nil for as many as make it about square.
    public var columns: Int?

    public init(gridPath: String? = nil, folder: String? = nil) {
        self.gridPath = gridPath
        self.folder = folder
    }

    /// Whether no picture is written at all.
    public var isNowhere: Bool { gridPath == nil && folder == nil }

    /// As ``check(inputs:)``, for jobs that may write codes too, or only those.
    func check(orCodes codesPath: String?, inputs: [String] = []) throws {
        guard !isNowhere || codesPath != nil else {
            throw MenagerieError(
                .usage, "no output is named; give a grid (.png), a folder, or a file for the codes (.npy)")
        }
        try check(inputs: inputs)
        if let codesPath { try PictureOutput.check(codesPath, isNoneOf: inputs) }
    }

    /// Refuses what cannot work, before anything is loaded or computed. Makes the folder.
    func check(inputs: [String] = []) throws {
        if let columns, columns < 1 { throw MenagerieError(.usage, "\(columns) columns: a grid has at least one") }
        if let gridPath {
            guard gridPath.lowercased().hasSuffix(".png") else {
                throw MenagerieError(.usage, "\(gridPath): a grid is a .png file")
            }
            try PictureOutput.check(gridPath, isNoneOf: inputs)
        }
        if let folder {
            let code = mkdir(folder, 0o777)
            guard code == 0 || errno == EEXIST else {
                throw MenagerieError(
                    .outputCannotBeCreated, "\(folder): cannot create the folder: \(String(cString: strerror(errno)))")
            }
            // What cannot be written is found now and not after hours of work.
            try OutputFile.check("\(folder)/beasts.png")
        }
    }

    /// Refuses an output that is an input too or cannot be made.
    static func check(_ path: String, isNoneOf inputs: [String]) throws {
        if let identity = FileIdentity(path), let same = inputs.first(where: { FileIdentity($0) == identity }) {
            throw MenagerieError(.usage, "\(path): the output is also an input (\(same)); choose another name")
        }
        try OutputFile.check(path)
    }
}

/// Writes files of their own at once, and the grid at the end.
struct PictureWriter {
    let output: PictureOutput
    let pending: PendingFiles
    private var shown: [[Float]] = []
    private var size = (height: 0, width: 0)

    init(_ output: PictureOutput, pending: PendingFiles) {
        self.output = output
        self.pending = pending
    }

    /// - Parameter name: of the file in the folder, without its ending; nil for a picture of the grid only.
    mutating func append(_ picture: GenerativeModel.Decoded, name: String?) throws {
        if let folder = output.folder, let name {
            let grid = PictureGrid(range: output.range == .fixed ? .fixed : .ofEach)
            let bytes = try grid.picture(of: [picture.values], height: picture.height, width: picture.width).pngBytes()
            try PictureWriter.write(bytes, to: "\(folder)/\(name).png", pending)
        }
        if output.gridPath != nil {
            shown.append(picture.values)
            size = (picture.height, picture.width)
        }
    }

    /// Writes the grid of all pictures so far; nothing where there is none.
    func finish(columns: Int? = nil) throws {
        guard let path = output.gridPath, !shown.isEmpty else { return }
        let columns = output.columns ?? columns ?? Int(Double(shown.count).squareRoot().rounded(.up))
        let grid = PictureGrid(columns: columns, range: output.range == .fixed ? .fixed : .ofAll)
        let picture = try grid.picture(of: shown, height: size.height, width: size.width)
        try PictureWriter.write(try picture.pngBytes(), to: path, pending)
    }

    static func write(_ bytes: [UInt8], to path: String, _ pending: PendingFiles) throws {
        let file = try OutputFile(path: path, pending: pending)
        try file.write(bytes)
        try file.commit()
    }
}
