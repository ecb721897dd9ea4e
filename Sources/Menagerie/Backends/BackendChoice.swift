// SPDX-License-Identifier: MIT
public import BeastCore

/// Which backend to use: a name, a name with a device's number or name, a file, or the best that is here.
public enum BackendChoice: Sendable, Equatable {
    case auto
    case named(String, device: Int?)
    /// The device whose name contains this text.
    case onDevice(String, deviceName: String)
    case file(String, device: Int?)

    /// Reads `auto`, `NAME`, `NAME:DEVICE`, `FILE.so`, `FILE.so:DEVICE`. DEVICE is a number; of a backend that is named,
    /// it may also be a part of the device's name.
    public init(_ text: String) throws {
        var name = text
        var device: Int?
        if let colon = text.lastIndex(of: ":"), let number = Int(text[text.index(after: colon)...]) {
            guard number >= 0 else { throw MenagerieError(.usage, "backend '\(text)': devices are numbered from 0") }
            name = String(text[..<colon])
            device = number
        }
        guard !name.isEmpty else { throw MenagerieError(.usage, "backend '\(text)': no name given") }
        if device == nil, let colon = text.firstIndex(of: ":"), !text.contains("/"), !text.hasSuffix(".so") {
            let deviceName = String(text[text.index(after: colon)...])
            guard colon > text.startIndex, !deviceName.isEmpty else {
                throw MenagerieError(.usage, "backend '\(text)': expected NAME:DEVICE, a device's number or name")
            }
            self = .onDevice(String(text[..<colon]), deviceName: deviceName)
        } else if name == "auto", device == nil {
            self = .auto
        } else if name.contains("/") || name.hasSuffix(".so") {
            self = .file(name, device: device)
        } else {
            self = .named(name, device: device)
        }
    }
}

/// A backend that was chosen, and how it came to be.
public struct ChosenBackend: Sendable {
    public let library: PluginLibrary
    public let probe: ProbeResult
    public let device: Int?

    /// One line for people: name, version, device, file.
    public var summary: String {
        "\(library.name) \(library.version) on \(probe.deviceName.isEmpty ? "an unnamed device" : probe.deviceName) (\(library.path))"
    }

    /// Opens a session on it.
    /// - Throws: ``MenagerieError`` for a precision that the device does not compute in natively; what the backend throws.
    public func makeSession(threadCount: Int = 0, precision: ComputePrecision = .f32) throws -> Session {
        let precision = try precision.resolved(on: self)
        let cacheByteCount = Int(clamping: min(probe.cacheByteCount, 1 << 40)) * max(1, min(threadCount, 1 << 10))
        return Session(
            backend: try library.makeContext(ContextOptions(device: device, threadCount: threadCount)),
            precision: precision.storage, cacheByteCount: cacheByteCount)
    }
}

extension BackendDiscovery {
    /// Finds the backend a choice means. A backend asked for by name or file is used, or this fails; nothing else is
    /// put in its place.
    /// - Throws: ``MenagerieError`` that says what was tried and what there is.
    public func choose(_ choice: BackendChoice) throws -> ChosenBackend {
        switch choice {
        case .auto: return try best()
        case .named(let name, let device): return try named(name, device: device)
        case .onDevice(let name, let deviceName):
            let any = try named(name, device: nil)
            return try chosen(any.library, any.probe, try number(of: deviceName, any))
        case .file(let path, let device):
            // A bare file name is looked for here and never along the loader's own path.
            let path = path.contains("/") ? path : "./" + path
            switch look(at: path, place: "the command line").outcome {
            case .usable(let library, let probe): return try chosen(library, probe, device)
            case .unavailable(let library, let reason):
                throw MenagerieError(.unavailable, "backend '\(library.name)' (\(path)) cannot run here: \(reason)")
            case .failed(let error):
                throw MenagerieError(
                    .unavailable, "\(path) is no backend for this program: \(error.reason)", cause: error)
            case .shadowed(let library, _): throw MenagerieError(.internal, "backend '\(library.name)' shadows itself")
            }
        }
    }

    private func best() throws -> ChosenBackend {
        // Whatever else there is goes before software that plays a device, so that is started only where nothing else is.
        do { return try best(among: candidates(startingSoftware: false)) } catch {
            return try best(among: candidates())
        }
    }

    private func best(among candidates: [Candidate]) throws -> ChosenBackend {
        var usable: [(PluginLibrary, ProbeResult)] = []
        var reasons: [String] = []
        for candidate in candidates {
            switch candidate.outcome {
            case .usable(let library, let probe): usable.append((library, probe))
            case .unavailable(let library, let reason): reasons.append("\(library.name) cannot run here: \(reason)")
            case .failed(let error): reasons.append(error.description)
            case .shadowed: break
            }
        }
        guard let (library, probe) = usable.max(by: { $0.1.score < $1.1.score }) else {
            throw MenagerieError(
                .unavailable, (["no backend can run here"] + reasons + [tried]).joined(separator: "; "))
        }
        return ChosenBackend(library: library, probe: probe, device: nil)
    }

    private func named(_ name: String, device: Int?) throws -> ChosenBackend {
        if case .usable(let library, let probe) = candidate(named: name)?.outcome {
            return try chosen(library, probe, device)
        }
        var reasons: [String] = []
        var names: [String] = []
        for candidate in candidates() {
            switch candidate.outcome {
            case .usable(let library, let probe):
                if library.name == name { return try chosen(library, probe, device) }
                names.append(library.name)
            case .unavailable(let library, let reason) where library.name == name:
                throw MenagerieError(.unavailable, "backend '\(name)' (\(library.path)) cannot run here: \(reason)")
            case .unavailable(let library, let reason): reasons.append("\(library.name) cannot run here: \(reason)")
            case .failed(let error): reasons.append(error.description)
            case .shadowed: break
            }
        }
        let there = names.isEmpty ? "no backend can run here" : "there is \(names.joined(separator: ", "))"
        let failures = reasons.isEmpty ? "" : "; " + reasons.joined(separator: "; ")
        throw MenagerieError(.unavailable, "there is no backend '\(name)': \(there)\(failures); \(tried)")
    }

    /// The one device whose name contains a text, upper and lower case alike.
    private func number(of deviceName: String, _ backend: ChosenBackend) throws -> Int {
        var names: [String] = []
        for device in 0..<backend.probe.deviceCount {
            names.append(try backend.library.probe(device: device).deviceName)
        }
        let wanted = deviceName.lowercased()
        let matches = names.indices.filter { names[$0].lowercased().contains(wanted) }
        if matches.count == 1 { return matches[0] }
        let list = names.enumerated().map { "\($0): \($1)" }.joined(separator: ", ")
        let found = matches.isEmpty ? "no device" : "\(matches.count) devices"
        throw MenagerieError(
            .unavailable,
            "backend '\(backend.library.name)' has \(found) named '\(deviceName)'; its devices are \(list)")
    }

    private func chosen(_ library: PluginLibrary, _ probe: ProbeResult, _ device: Int?) throws -> ChosenBackend {
        guard let device else { return ChosenBackend(library: library, probe: probe, device: nil) }
        let deviceProbe = try library.probe(device: device)
        guard deviceProbe.score > 0 else {
            throw MenagerieError(
                .unavailable, "backend '\(library.name)' cannot use device \(device): \(deviceProbe.reason)")
        }
        return ChosenBackend(library: library, probe: deviceProbe, device: device)
    }

    /// The places that were searched.
    private var tried: String {
        "searched " + places.map { "\($0.path) (\($0.place))" }.joined(separator: ", ")
            + (searchPath == nil ? "; \(Self.environmentVariable) is not set" : "")
    }
}
