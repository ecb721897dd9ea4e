// SPDX-License-Identifier: MIT

/// What a manifest asks of a damaged file, as data: whether it may be refused, what the message must name, and with which
/// result it may be read.
struct DamageRule {
    /// A result that is accepted where the file is read after all.
    enum Reading: Sendable {
        /// The outputs of the undamaged control model, the case of this identifier.
        case outputs(ofCase: String)
        /// An array of these numbers, in brackets as in Python.
        case array(String)
        /// A picture whose pixels are the same each time.
        case definedPixels
    }

    /// What the message of a refusal must name besides the file.
    enum Name: Sendable {
        /// These very characters.
        case word(String)
        /// A tensor of the control model, with two shapes.
        case tensorAndShapes
        /// A tensor of the control model, or an entry of the archive.
        case storageOrTensor
        /// An element type.
        case elementType
        /// A storage class.
        case storageType
        /// A pickle opcode as a hexadecimal byte, and where it is.
        case opcodeAndOffset
        /// The word CRC and an entry of the archive.
        case checksumAndEntry
    }

    private(set) var mayRefuse = false
    private(set) var readings: [Reading] = []
    private(set) var names: [Name] = []

    private enum Meaning: Sendable {
        case refuse
        case refuseOrRead(@Sendable (String) -> Reading?)
        case read(@Sendable (String) -> Reading?)
        case names(Name)
        case namesWord
        /// A refusal that names the word.
        case refuseNamingWord
        case sameAsCase
        /// Checked for every case, here or by whoever runs the cases in a process of their own.
        case always
    }

    /// How clauses begin and what they ask for; the longest beginning counts. What follows is handed to the meaning.
    private static let phrases: [(beginning: String, meaning: Meaning)] = [
        ("exit code not 0", .refuse),
        ("one message that names the file and the reason", .always),
        ("no crash", .always),
        ("no file ", .always),
        ("nothing executed", .always),
        ("nothing looked up by name", .always),
        ("memory stays small", .always),
        ("before any allocation", .always),
        ("either a clear refusal or a correct load with the outputs of case ", .refuseOrRead(outputs)),
        (
            "either a clear refusal (exit code not 0, naming the file and the reason) or a correct load with the "
                + "outputs of case ", .refuseOrRead(outputs)
        ),
        ("must load with the outputs of case ", .read(outputs)),
        // Converted integers and truth values would need outputs of their own, which manifests do not give.
        ("either a clear refusal or a load that converts the integers exactly", .refuse),
        ("either a clear refusal or conversion to 0/1", .refuse),
        (
            "either refuse with a clear error or treat the object as opaque and go on (here the weights are incomplete",
            .refuse
        ),
        // There are no warnings: weights are read or refused.
        ("must not look like success: either an error at load or a warning naming ", .refuseNamingWord),
        ("error, or the transposed meaning honoured: ", .refuseOrRead { .array($0) }),
        ("error, or swapped correctly to ", .refuseOrRead { .array($0) }),
        ("error or a defined colour", .refuseOrRead { _ in .definedPixels }),
        ("says CRC and the entry name", .names(.checksumAndEntry)),
        ("names the opcode and its offset", .names(.opcodeAndOffset)),
        ("names the storage or tensor", .names(.storageOrTensor)),
        ("names the tensor, both shapes", .names(.tensorAndShapes)),
        ("names the type", .names(.storageType)),
        ("names the dtype", .names(.elementType)),
        ("names ", .namesWord),
        ("as ", .sameAsCase),
    ]

    @Sendable private static func outputs(_ rest: String) -> Reading? { rest.firstWord.map { .outputs(ofCase: $0) } }

    /// - Throws: ``FixtureError`` for a clause of no known beginning, so that nothing the manifest asks is passed over.
    init(_ fixture: FixtureCase, in manifest: FixtureManifest) throws {
        try self.init(fixture, in: manifest, isReferred: false)
    }

    private init(_ fixture: FixtureCase, in manifest: FixtureManifest, isReferred: Bool) throws {
        guard let expect = fixture.expect, ["fail", "see must"].contains(expect), let must = fixture.must else {
            throw FixtureError("the manifest does not say what must become of the file")
        }
        for clause in must.clauses {
            let known = Self.phrases.filter { clause.hasPrefix($0.beginning) }
            guard let phrase = known.max(by: { $0.beginning.count < $1.beginning.count }) else {
                throw FixtureError("the manifest asks for something unknown: '\(clause)'")
            }
            let rest = String(clause.dropFirst(phrase.beginning.count))
            switch phrase.meaning {
            case .always: break
            case .refuse: mayRefuse = true
            case .refuseOrRead(let reading), .read(let reading):
                guard let reading = reading(rest) else {
                    throw FixtureError("the manifest does not say which result is meant: '\(clause)'")
                }
                readings.append(reading)
                if case .refuseOrRead = phrase.meaning { mayRefuse = true }
            case .names(let name): names.append(name)
            case .namesWord: names.append(.word(try rest.nameOnly(in: clause)))
            case .refuseNamingWord:
                mayRefuse = true
                names.append(.word(try rest.nameOnly(in: clause)))
            case .sameAsCase:
                let folder = fixture.id.split(separator: "/").dropLast().joined(separator: "/")
                let id = "\(folder)/\(rest)"
                guard !isReferred, let other = manifest.cases.first(where: { $0.id == id }) else {
                    throw FixtureError("there is no case \(id) to take the rule from")
                }
                let rule = try DamageRule(other, in: manifest, isReferred: true)
                mayRefuse = mayRefuse || rule.mayRefuse
                readings += rule.readings
                names += rule.names
            }
        }
        guard expect != "fail" || readings.isEmpty else {
            throw FixtureError("the manifest says both that it must fail and that it may be read")
        }
        guard mayRefuse || !readings.isEmpty else {
            throw FixtureError("the manifest allows neither refusal nor reading")
        }
    }
}

extension String {
    /// The parts between semicolons, those within brackets left alone.
    fileprivate var clauses: [String] {
        var (depth, clauses) = (0, [""])
        for character in self {
            if character == "(" { depth += 1 }
            if character == ")" { depth -= 1 }
            if character == ";", depth == 0 {
                clauses.append("")
            } else if character != " " || !clauses[clauses.count - 1].isEmpty {
                clauses[clauses.count - 1].append(character)
            }
        }
        return clauses
    }

    fileprivate var firstWord: String? {
        let word = prefix { !" :,)".contains($0) }
        return word.isEmpty ? nil : String(word)
    }

    /// The first word, where nothing follows it but a remark in brackets.
    fileprivate func nameOnly(in clause: String) throws -> String {
        guard let word = firstWord else { throw FixtureError("the manifest gives no name: '\(clause)'") }
        let rest = dropFirst(word.count).drop { $0 == " " }
        guard rest.isEmpty || rest.hasPrefix("(") else {
            throw FixtureError("the manifest asks for something unknown: '\(clause)'")
        }
        return word
    }
}
