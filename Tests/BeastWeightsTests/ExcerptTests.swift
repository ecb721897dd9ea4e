// SPDX-License-Identifier: MIT

import Glibc
import Testing

@testable import BeastWeights

@Suite("Parts of a checkpoint")
struct ExcerptTests {
    private typealias Build = PickleBuilder
    private static let elementCount = 40_000

    /// Holds a whole file, and brings parts of it into a file with holes.
    private final class Remote {
        let whole: [UInt8]
        let folder: TemporaryFolder
        private(set) var brought: [Range<Int>] = []
        var byteCount: Int { brought.reduce(0) { $0 + $1.count } }

        init(_ whole: [UInt8]) throws {
            self.whole = whole
            folder = try TemporaryFolder()
            let descriptor = open(folder.path("parts"), O_WRONLY | O_CREAT, 0o600)
            try #require(descriptor >= 0 && ftruncate(descriptor, off_t(whole.count)) == 0)
            close(descriptor)
        }

        func read(_ isWanted: (String) -> Bool) throws -> CheckpointExcerpt.Outcome {
            let excerpt = CheckpointExcerpt(path: folder.path("parts"), name: "file of owner/name") { ranges in
                let descriptor = open(self.folder.path("parts"), O_WRONLY)
                defer { close(descriptor) }
                for range in ranges {
                    #expect(!self.brought.contains { $0.overlaps(range) }, "\(range) is asked for twice")
                    #expect(!range.isEmpty && range.upperBound <= self.whole.count)
                    self.brought.append(range)
                    let count = self.whole.withUnsafeBytes {
                        pwrite(
                            descriptor, $0.baseAddress.map { $0 + range.lowerBound }, range.count,
                            off_t(range.lowerBound))
                    }
                    try #require(count == range.count)
                }
            }
            return try excerpt.read(select: ["teacher"], stripping: ["module."], isWanted: isWanted)
        }
    }

    private static let contents = (0..<40).map { key in
        bytes(of: (0..<elementCount).map { Float(key) + Float($0) / 65536 })
    }

    /// Forty tensors of 160 KB; those of the teacher, as they are wanted, have odd numbers.
    private func checkpoint(_ change: (inout ZipBuilder) -> Void = { _ in }) -> [UInt8] {
        func tensors(_ keys: [Int]) -> [UInt8] {
            Build.named(
                keys.map {
                    (
                        "module.w\($0)",
                        Build.tensor(key: "\($0)", count: Self.elementCount, sizes: [200, 200], strides: [200, 1])
                    )
                })
        }
        let odd = (0..<40).filter { $0 % 2 == 1 }
        let even = (0..<40).filter { $0 % 2 == 0 }
        return makeCheckpoint(
            Build.named([("student", tensors(even)), ("teacher", tensors(odd))]),
            storages: (0..<40).map { ("\($0)", Self.contents[$0]) }, padding: 13, change)
    }

    private func isWanted(_ name: String) -> Bool { ["w3", "w5", "w39"].contains(name) }

    @Test("Only what is wanted is brought, and it is what the whole file holds")
    func parts() throws {
        let remote = try Remote(checkpoint())
        guard case .tensors(let weights, let names) = try remote.read(isWanted) else {
            Issue.record("the whole file is wanted")
            return
        }
        #expect(names == ["module.w3", "module.w39", "module.w5"])
        #expect(weights.selectedKey == "teacher")
        for name in names {
            var elements: [UInt8] = []
            try weights.withElements(of: name) { elements += $0 }
            #expect(elements == Self.contents[try #require(Int(name.dropFirst("module.w".count)))], "\(name)")
        }
        // Both ends and three tensors, of which neighbours come with the one between them.
        #expect(remote.byteCount < 1 << 20, "\(remote.byteCount) of \(remote.whole.count)")
        // What was not brought is refused, not read as zeros.
        expectError(.checksumMismatch) { try weights.withElements(of: "module.w21") { _ in } }
    }

    @Test("A file that is small anyway is brought once")
    func small() throws {
        let value = Build.named([("module.w3", Build.tensor(count: 1, sizes: [1], strides: [1]))])
        let remote = try Remote(makeCheckpoint(value, storages: [("0", bytes(of: [2.5] as [Float]))]))
        guard case .tensors(_, let names) = try remote.read(isWanted) else {
            Issue.record("the whole file is wanted")
            return
        }
        #expect(names == ["module.w3"])
        #expect(remote.byteCount == remote.whole.count)
    }

    @Test("A damaged member is found by its checksum, whichever it is")
    func damage() throws {
        let remote = try Remote(
            checkpoint { zip in
                let last = zip.members.count - 1
                zip.members[last].checksum = zip.members[last].bytes.withUnsafeBytes { Checksum.extended(0, with: $0) }
                zip.members[last].bytes[100_000] ^= 1
            })
        guard case .tensors(let weights, _) = try remote.read(isWanted) else {
            Issue.record("the whole file is wanted")
            return
        }
        expectError(.checksumMismatch, "archive/data/39") { try weights.withElements(of: "module.w39") { _ in } }
        try weights.withElements(of: "module.w5") { _ in }

        var pickle = checkpoint()
        pickle[60] ^= 1
        let other = try Remote(pickle)
        expectError(.checksumMismatch, "file of owner/name: the CRC of “archive/data.pkl”") {
            _ = try other.read(isWanted)
        }
    }

    @Test("What has no checksums, or is no archive, is wanted whole")
    func unsuitable() throws {
        for change in [
            { (zip: inout ZipBuilder) in zip.members[0].checksum = 0 },
            { (zip: inout ZipBuilder) in
                for index in zip.members.indices.dropFirst() { zip.members[index].checksum = 0 }
            },
        ] {
            guard case .wholeFileNeeded(let reason) = try Remote(checkpoint(change)).read(isWanted) else {
                Issue.record("tensors without checksums were taken")
                return
            }
            #expect(reason.contains("no checksum"))
        }
        var header = Array(#"{"w3":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#.utf8)
        header = le(UInt64(header.count)) + header + [0, 0, 0, 0]
        guard case .wholeFileNeeded(let reason) = try Remote(header).read(isWanted) else {
            Issue.record("no archive, and yet read as one")
            return
        }
        #expect(reason.contains("safetensors"))
    }

    @Test("Hostile archives are refused as whole ones are")
    func hostile() throws {
        let changes: [(WeightsError.Code, (inout ZipBuilder) -> Void)] = [
            (.malformedContainer, { $0.members[5].name = "archive/data/7" }),
            (.malformedContainer, { $0.members[4].localName = "archive/data/9" }),
            (.malformedContainer, { $0.members[4].directoryOffset = 1 << 30 }),
            (.malformedTensor, { $0.members[4].directorySize = 12 }),
            (.malformedContainer, { $0.members[4].directorySize = 200_000 }),
            (.unsupportedContainer, { $0.members[4].method = 8 }),
            (.malformedContainer, { $0.announcedCount = 3 }),
            (.malformedContainer, { $0.members[0].name = "../data.pkl" }),
        ]
        for (index, (code, change)) in changes.enumerated() {
            let remote = try Remote(checkpoint(change))
            do {
                _ = try remote.read(isWanted)
                Issue.record("change \(index) was accepted")
            } catch let error as WeightsError {
                #expect(error.code == code, "change \(index): \(error)")
                #expect(error.path == "file of owner/name", "change \(index): \(error)")
            }
        }
    }

    @Test("Ranges are joined across small gaps")
    func joining() {
        #expect(CheckpointExcerpt.joined([5..<9, 0..<4, 20..<20, 30..<31], gap: 1) == [0..<9, 30..<31])
        #expect(CheckpointExcerpt.joined([0..<4, 4..<6, 1..<3], gap: 0) == [0..<6])
        #expect(CheckpointExcerpt.joined([], gap: 5) == [])
    }
}
