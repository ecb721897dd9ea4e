// SPDX-License-Identifier: MIT

import BeastMedia
import Foundation
import Testing

@Suite("Picture files")
struct PictureFileTests {
    private func write(_ bytes: [UInt8], _ path: String) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: path))
    }

    @Test("A file is read whatever its name, also through a link")
    func read() throws {
        try withTemporaryFolder { folder in
            let picture = try Picture.noise(width: 90, height: 40)
            try write(picture.pngBytes(), folder + "/wrong.jpg")
            try FileManager.default.createSymbolicLink(
                atPath: folder + "/link", withDestinationPath: folder + "/wrong.jpg")
            #expect(try Picture(contentsOfFile: folder + "/wrong.jpg") == picture)
            #expect(try Picture(contentsOfFile: folder + "/link") == picture)
        }
    }

    @Test("Only regular files are opened; a pipe is refused at once")
    func kinds() throws {
        try withTemporaryFolder { folder in
            let pipe = folder + "/pipe"
            try #require(mkfifo(pipe, 0o600) == 0)
            for (path, name) in [(pipe, "a pipe"), (folder, "a folder"), ("/dev/zero", "a device")] {
                #expect(
                    failure { _ = try Picture(contentsOfFile: path) }?.description
                        == "\(path): cannot read a picture from this: it is \(name)")
            }
        }
    }

    @Test("Missing, empty and oversized files are told apart")
    func sizes() throws {
        try withTemporaryFolder { folder in
            let missing = folder + "/missing.png"
            #expect(
                failure { _ = try Picture(contentsOfFile: missing) }?.description
                    == "\(missing): cannot open this file: No such file or directory")
            #expect(failure { _ = try Picture(contentsOfFile: missing) }?.code == .notFound)
            #expect(failure { _ = try Picture(contentsOfFile: missing + "/below") }?.code == .notFound)
            #expect(failure { _ = try Picture(contentsOfFile: "") }?.code == .notFound)
            #expect(failure { _ = try Picture(contentsOfFile: "a\0b") }?.code == .notFound)

            try write([], folder + "/empty.png")
            #expect(failure { _ = try Picture(contentsOfFile: folder + "/empty.png") }?.code == .empty)

            let file = try Picture.noise(width: 100, height: 100).pngBytes()
            try write(file, folder + "/full.png")
            let small = PictureOptions(fileSizeLimit: file.count - 1)
            let error = failure { _ = try Picture(contentsOfFile: folder + "/full.png", options: small) }
            #expect(error?.code == .fileTooLarge)
            #expect(
                error?.message
                    == "cannot read this picture: its \(file.count) bytes are more than the limit of "
                    + "\(file.count - 1) bytes")
        }
    }

    @Test("A name with a line break still gives one line")
    func oneLine() {
        let error = failure { _ = try Picture(contentsOfFile: "/nowhere/a\nb\u{1B}[31m.png") }
        #expect(
            error?.description
                == "/nowhere/a\\u{a}b\\u{1b}[31m.png: cannot open this file: No such file or directory")
    }
}
