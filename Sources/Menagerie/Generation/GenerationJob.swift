// SPDX-License-Identifier: MIT
public import BeastCore
private import Glibc

/// Generates pictures from nothing, in batches, and writes them.
public struct GenerationJob: Sendable {
    /// Pictures.
    public var count: Int
    /// The number of the first: `first: 2, count: 1` gives the third picture of a run of more.
    public var first = 0
    public var seed: UInt64 = 1
    public var rule = SamplingRule()
    /// Samples that go through the transformer together; nil for as many as a part of the memory has room for.
    public var batchSize: Int?
    public var output: PictureOutput
    /// A `.npy` file for the codes, int32 [pictures, codes].
    public var codesPath: String?
    /// Where the job lists its temporary files while it runs. Abandoning the list, from any thread, ends the job.
    public var pendingFiles = PendingFiles()
    /// Ends the job after the step it is at; batches that are finished are written.
    public var stop = StopRequest()

    public init(count: Int, output: PictureOutput) {
        self.count = count
        self.output = output
    }

    /// Something to tell.
    public enum Event: Sendable {
        /// Codes that are drawn, of all that will be.
        case codes(done: Int, total: Int)
        /// Pictures that are finished.
        case pictures(done: Int)
    }

    /// What was done.
    public struct Summary: Sendable {
        /// Of the finished samples, in their order.
        public var codes: [[Int32]] = []
        /// The smallest margin of each; see ``GenerativeModel/Samples/margins``.
        public var margins: [Double] = []
        /// Whether fewer were finished than asked for.
        public var isStopped = false
    }

    /// Refuses what cannot work, before anything is loaded or computed.
    public func check(_ card: GeneratorCard) throws {
        guard count >= 1 else { throw MenagerieError(.usage, "count \(count): at least one picture is generated") }
        guard first >= 0, first <= 1 << 40, count <= 1 << 24 else {
            throw MenagerieError(.usage, "first \(first), count \(count): samples are numbered from 0 to 2^40")
        }
        try card.check(rule: rule, batchSize: batchSize)
        try output.check(orCodes: codesPath)
    }

    /// Parts of the model that are needed.
    public var parts: GenerativeModel.Parts { output.isNowhere ? .transformer : [.transformer, .decoder] }

    /// Does it.
    /// - Parameter report: called on this thread.
    /// - Throws: ``MenagerieError`` when an output cannot be written, with the file that the codes were saved to, or when the
    ///   job was stopped before anything was finished; what the model and the backend throw.
    public func run(_ model: GenerativeModel, report: (Event) -> Void = { _ in }) throws -> Summary {
        let steps = model.generationSteps
        let batch = min(count, batchSize ?? model.samplesAtOnce(cacheByteCount: CacheBudget.byteCount))
        var summary = Summary()
        var writer = PictureWriter(output, pending: pendingFiles)
        var rescue = CodeRescue(outputs: [output.gridPath, output.folder], model: model.card.name)
        for start in stride(from: 0, to: count, by: batch) {
            let numbers = first + start..<first + min(count, start + batch)
            let samples = try model.generate(samples: numbers, seed: seed, rule: rule) { done in
                report(.codes(done: start * steps + done * numbers.count, total: count * steps))
                return !stop.isMade && !pendingFiles.isAbandoned
            }
            guard let samples else {
                summary.isStopped = true
                break
            }
            summary.codes += samples.codes
            summary.margins += samples.margins
            if !output.isNowhere {
                try rescue.guarding(summary.codes, pendingFiles) {
                    for (number, picture) in zip(numbers, try model.decode(samples.codes)) {
                        try writer.append(picture, name: GenerationJob.name(number))
                    }
                }
            }
            report(.pictures(done: summary.codes.count))
            if stop.isMade, numbers.upperBound < first + count {
                summary.isStopped = true
                break
            }
        }
        guard !summary.codes.isEmpty else {
            throw MenagerieError(.interrupted, "interrupted before a picture was finished; nothing was written")
        }
        if let codesPath {
            let shape = [summary.codes.count, model.card.codesPerPicture]
            try rescue.guarding(summary.codes, pendingFiles) {
                try PictureWriter.write(try CodeFile.bytes(summary.codes, shape: shape), to: codesPath, pendingFiles)
            }
            rescue.isSaved = true
        }
        try rescue.guarding(summary.codes, pendingFiles) { try writer.finish() }
        return summary
    }

    /// `sample_0007`.
    static func name(_ number: Int) -> String {
        let digits = String(number)
        return "sample_" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
}
