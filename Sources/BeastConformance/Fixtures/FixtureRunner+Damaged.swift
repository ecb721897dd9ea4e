// SPDX-License-Identifier: MIT
internal import BeastConfigurations
internal import BeastCore
internal import BeastMedia
internal import BeastWeights
internal import Glibc

extension FixtureRunner {
    /// What the hostile checkpoints would make if anything of them were executed.
    private static let executionMark = "/tmp/PWNED-beasts"

    /// Opens a damaged or hostile file the way the program does and holds what happens against the manifest's words.
    ///
    /// Crashes, hangs and memory are not seen here: whoever runs a case in a process of its own sees them.
    func compareDamaged(
        _ fixture: FixtureCase, _ manifest: FixtureManifest, _ comparison: inout FixtureComparison
    ) throws {
        guard let file = fixture.inputs?.file else { throw FixtureError("the manifest gives no file") }
        guard access(Self.executionMark, F_OK) != 0 else {
            throw FixtureError("\(Self.executionMark) is there already; remove it, then this case can tell something")
        }
        let rule = try DamageRule(fixture, in: manifest)
        let attempt = try makeAttempt(fixture, manifest)
        do {
            let result = try attempt.open("\(folder)/\(file)")
            try compare(result, with: rule, manifest, &comparison)
        } catch let error as FixtureError {
            throw error
        } catch {
            compare(Refusal("\(error)", path: "\(folder)/\(file)"), with: rule, attempt.tensorNames, &comparison)
        }
        comparison.check(
            access(Self.executionMark, F_OK) != 0,
            "\(Self.executionMark) appeared: the file made the program run something")
    }

    // MARK: - Opening

    /// How a file of a kind is opened, and what came of it.
    private struct Attempt {
        var tensorNames: [String] = []
        let open: (String) throws -> Opened
    }

    private enum Opened {
        case model(VisionTransformer)
        case array(NumpyArray)
        case picture(Picture, again: Picture)
        case configuration
    }

    private func makeAttempt(_ fixture: FixtureCase, _ manifest: FixtureManifest) throws -> Attempt {
        switch fixture.kind {
        case "bad_checkpoint":
            let control = try control(of: fixture, manifest)
            let configuration = try control.transformerConfiguration()
            return Attempt(tensorNames: VisionTransformer.tensors(of: configuration).map(\.name)) { path in
                let weights = try weights(atPath: path, control)
                return .model(try VisionTransformer(configuration, weights: weights, session: session))
            }
        case "bad_image":
            return Attempt { path in
                let picture = try Picture(contentsOfFile: path)
                return .picture(picture, again: try Picture(contentsOfFile: path))
            }
        case "bad_npy": return Attempt { .array(try NumpyArray.read(path: $0)) }
        case "bad_vqgan_yaml":
            return Attempt { path in
                _ = try VQGANConfiguration(contentsOfFile: path)
                return .configuration
            }
        default: throw FixtureError("no way to open a file of kind \(fixture.kind)")
        }
    }

    /// The undamaged model of the same architecture in the same folder.
    private func control(of fixture: FixtureCase, _ manifest: FixtureManifest) throws -> FixtureCase {
        let family = fixture.id.split(separator: "/").first
        guard
            let control = manifest.cases.first(where: {
                $0.kind == "vit" && $0.arch == fixture.arch && $0.id.split(separator: "/").first == family
            })
        else { throw FixtureError("there is no undamaged model in \(family ?? "") to compare with") }
        return control
    }

    // MARK: - What came of it

    private func compare(
        _ result: Opened, with rule: DamageRule, _ manifest: FixtureManifest, _ comparison: inout FixtureComparison
    ) throws {
        for reading in rule.readings {
            switch (reading, result) {
            case (.outputs(let id), .model(let model)):
                guard let control = manifest.cases.first(where: { $0.id == id }), let input = control.inputs?.image
                else {
                    throw FixtureError("there is no case \(id) with a picture to compare with")
                }
                let pictures = try channelsLast(input)
                for (name, output) in try control.sortedOutputs() {
                    let tensor = try compute(name, model, pictures)
                    try comparison.compare(
                        name, try session.download(tensor), shape: Array(tensor.shape), with: output)
                }
                comparison.remark("read, with the outputs of \(id)")
                return
            case (.array(let text), .array(let array)):
                let expected = try ArrayText(text)
                comparison.check(
                    array.shape == expected.shape && array.floats() == expected.values,
                    "read as \(array.floats()) of shape \(array.shape), expected \(text)")
                comparison.remark("read, with the expected values")
                return
            case (.definedPixels, .picture(let picture, let again)):
                comparison.check(picture.pixels == again.pixels, "two readings gave different pixels")
                comparison.remark("read, with the same pixels each time")
                return
            default: continue
            }
        }
        comparison.check(false, "was read without an error")
    }

    private func compare(
        _ refusal: Refusal, with rule: DamageRule, _ tensorNames: [String], _ comparison: inout FixtureComparison
    ) {
        comparison.check(rule.mayRefuse, "was refused and must be read: \(refusal.line)")
        comparison.check(refusal.namesFile, "the message does not name the file: \(refusal.line)")
        comparison.check(refusal.isOneLine, "the message is not one line: \(refusal.line)")
        comparison.check(!refusal.reason.isEmpty, "the message gives no reason: \(refusal.line)")
        for name in rule.names {
            comparison.check(refusal.names(name, tensorNames), "the message does not name \(name): \(refusal.line)")
        }
        comparison.remark("refused: \(refusal.reason)")
    }
}

/// The line that a user would read.
private struct Refusal {
    let line: String
    let namesFile: Bool
    /// The line without the file's path, so that a file's name is no reason.
    let reason: String

    init(_ line: String, path: String) {
        self.line = line
        let parts = line.split(separator: path, maxSplits: 1, omittingEmptySubsequences: false)
        namesFile = parts.count == 2
        reason = parts.joined().trimmingPrefix(while: { ": ".contains($0) }).description
    }

    var isOneLine: Bool { !line.contains(where: \.isNewline) }

    func names(_ name: DamageRule.Name, _ tensorNames: [String]) -> Bool {
        switch name {
        case .word(let word): return words.contains { $0 == word || $0.hasSuffix(".\(word)") }
        case .tensorAndShapes: return namesTensor(tensorNames) && reason.matches(of: /\[[0-9]+(, [0-9]+)*\]/).count >= 2
        case .storageOrTensor: return namesTensor(tensorNames) || reason.contains(/data\/\w+/)
        case .elementType: return reason.contains(/(?i)\b(complex|b?float|u?int|q(u)?int|bool)[0-9_a-z]*\b/)
        case .storageType: return reason.contains(/\w+Storage\b/)
        case .opcodeAndOffset: return reason.contains(/0x[0-9A-Fa-f]{2}\b/) && reason.contains(/\b[0-9]+\b/)
        case .checksumAndEntry: return reason.contains("CRC") && reason.contains(/data\/\w+/)
        }
    }

    private func namesTensor(_ names: [String]) -> Bool { words.contains { names.contains($0) } }

    /// Runs of the characters that keys are made of.
    private var words: [String] {
        reason.split { !($0.isLetter || $0.isNumber || $0 == "." || $0 == "_") }.map { word in
            String(word.drop { $0 == "." }.reversed().drop { $0 == "." }.reversed())
        }
    }
}

/// Numbers in brackets, nested to any depth that a shape has: `[[0,2,4],[1,3,5]]`.
private struct ArrayText {
    var shape: [Int] = []
    var values: [Float] = []

    init(_ text: String) throws {
        var rest = text[...]
        shape = try Self.parse(&rest, into: &values, depth: 0)
        guard rest.allSatisfy({ $0 == " " }) else { throw FixtureError("no array of numbers: '\(text)'") }
    }

    private static func parse(_ text: inout Substring, into values: inout [Float], depth: Int) throws -> [Int] {
        guard text.popFirst() == "[", depth < 8 else { throw FixtureError("no array of numbers: '\(text)'") }
        var inner: [[Int]] = []
        while true {
            text = text.drop { $0 == " " || $0 == "," }
            if text.first == "]" {
                text.removeFirst()
                break
            }
            if text.first == "[" {
                inner.append(try parse(&text, into: &values, depth: depth + 1))
            } else {
                let word = text.prefix { !",] ".contains($0) }
                guard let value = Float(word) else { throw FixtureError("no number: '\(word)'") }
                values.append(value)
                inner.append([])
                text = text.dropFirst(word.count)
            }
        }
        guard let first = inner.first, inner.allSatisfy({ $0 == first }) else {
            throw FixtureError("an array whose rows differ in length")
        }
        return [inner.count] + first
    }
}
