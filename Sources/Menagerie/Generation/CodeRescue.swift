// SPDX-License-Identifier: MIT
private import Glibc

/// Codes took long to draw. Where their pictures cannot be written, they are saved.
struct CodeRescue {
    /// Where the pictures should have gone.
    let outputs: [String?]
    let model: String
    /// Whether they are in a file already.
    var isSaved = false

    init(outputs: [String?], model: String) {
        self.outputs = outputs
        self.model = model
    }

    /// Runs `body`; when it fails, the error that is thrown also tells where the codes are.
    func guarding(_ codes: [[Int32]], _ pending: PendingFiles, _ body: () throws -> Void) throws {
        do {
            try body()
        } catch {
            let code = (error as? MenagerieError)?.code ?? .badData
            guard code != .interrupted, !isSaved, !codes.isEmpty else { throw error }
            let place = save(codes, pending).map { path in
                "; the codes of the \(codes.count) finished pictures are in \(path), beasts decode \(model) draws them"
            }
            throw MenagerieError(code, "\(error)" + (place ?? ""), cause: error)
        }
    }

    /// - Returns: the file; nil where none could be written.
    private func save(_ codes: [[Int32]], _ pending: PendingFiles) -> String? {
        let temporary = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        let stems = outputs.compactMap { $0 } + ["beasts", "\(temporary)/beasts-\(getpid())"]
        for stem in stems {
            let path = "\(stem).codes.npy"
            guard access(path, F_OK) != 0,
                let bytes = try? CodeFile.bytes(codes, shape: [codes.count, codes[0].count]),
                (try? PictureWriter.write(bytes, to: path, pending)) != nil
            else { continue }
            return path
        }
        return nil
    }
}
