// SPDX-License-Identifier: MIT
private import Glibc

/// Finds backend libraries: files named `libBeasts*Backend.so`, never in the working directory.
///
/// Places, in order: `BEASTS_BACKEND_PATH` (a colon-separated list of files and folders), the executable's folder,
/// `../lib/beasts` beside it.
public struct BackendDiscovery: Sendable {
    /// What became of a file, or of a place that was named but is not there.
    public struct Candidate: Sendable {
        /// What became of it.
        public enum Outcome: Sendable {
            /// It can run, with this probe of its best device.
            case usable(PluginLibrary, ProbeResult)
            /// It loaded, and says why it cannot run here.
            case unavailable(PluginLibrary, reason: String)
            case failed(PluginError)
            /// A library of the same name was found earlier in the order.
            case shadowed(PluginLibrary, by: String)
        }

        /// The file.
        public let path: String
        /// Why this file was looked at, such as "BEASTS_BACKEND_PATH".
        public let place: String
        /// What became of it.
        public let outcome: Outcome
    }

    /// The variable that names files and folders to search first.
    public static let environmentVariable = "BEASTS_BACKEND_PATH"

    /// The value of the variable, nil where it is not set.
    public let searchPath: String?
    /// The folder of the running program.
    public let executableFolder: String?

    /// A discovery with settings of its own, for programs that do not want the process's.
    public init(searchPath: String?, executableFolder: String?) {
        self.searchPath = searchPath
        self.executableFolder = executableFolder
    }

    /// The settings of this process.
    public static func ofThisProcess() -> BackendDiscovery {
        let variable = getenv(environmentVariable).map { String(cString: $0) }
        let folder = realpath("/proc/self/exe", nil).map { pointer in
            defer { free(pointer) }
            let path = String(cString: pointer)
            return String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
        }
        return BackendDiscovery(searchPath: variable, executableFolder: folder)
    }

    /// The places that are searched, for messages.
    public var places: [(place: String, path: String)] {
        var places: [(String, String)] = []
        for entry in (searchPath ?? "").split(separator: ":") {
            places.append((Self.environmentVariable, String(entry)))
        }
        if let executableFolder {
            places.append(("the program's folder", executableFolder))
            places.append(("the installation", executableFolder + "/../lib/beasts"))
        }
        return places
    }

    /// Looks at every candidate, in order.
    /// - Parameter startingSoftware: false leaves out devices that are software, whose drivers then need not start.
    public func candidates(startingSoftware: Bool = true) -> [Candidate] {
        var found: [Candidate] = []
        var pathsByName: [String: String] = [:]
        var seen: Set<String> = []
        for (place, path) in places {
            for file in files(at: path, isExplicit: place == Self.environmentVariable) {
                guard seen.insert(canonical(file)).inserted else { continue }
                let candidate = look(
                    at: file, place: place, pathsByName: pathsByName, startingSoftware: startingSoftware)
                if case .usable(let library, _) = candidate.outcome { pathsByName[library.name] = file }
                found.append(candidate)
            }
        }
        return found
    }

    /// The first library of a name that can run here, or the first that cannot; nil where there is none. Others are opened
    /// for their name and not asked whether they can run, which may take a driver's start.
    public func candidate(named name: String) -> Candidate? {
        var unavailable: Candidate?
        for (place, path) in places {
            for file in files(at: path, isExplicit: place == Self.environmentVariable) {
                guard let library = try? PluginLibrary(path: file), library.name == name else { continue }
                let candidate = Candidate(path: file, place: place, outcome: probed(library))
                if case .usable = candidate.outcome { return candidate }
                unavailable = unavailable ?? candidate
            }
        }
        return unavailable
    }

    /// Opens one file and asks whether it can run.
    public func look(
        at path: String, place: String, pathsByName: [String: String] = [:], startingSoftware: Bool = true
    ) -> Candidate {
        do throws(PluginError) {
            let library = try PluginLibrary(path: path)
            if let earlier = pathsByName[library.name] {
                return Candidate(path: path, place: place, outcome: .shadowed(library, by: earlier))
            }
            return Candidate(
                path: path, place: place, outcome: probed(library, startingSoftware: startingSoftware))
        } catch {
            return Candidate(path: path, place: place, outcome: .failed(error))
        }
    }

    private func probed(_ library: PluginLibrary, startingSoftware: Bool = true) -> Candidate.Outcome {
        do throws(BackendError) {
            let probe = startingSoftware ? try library.probe() : try library.probeHardware()
            if probe.score > 0 { return .usable(library, probe) }
            return .unavailable(library, reason: probe.reason.isEmpty ? "it gave no reason" : probe.reason)
        } catch {
            return .unavailable(library, reason: error.message)
        }
    }

    /// A file as it is; of a folder the files that follow the naming rule, sorted. A place of the list that is not there
    /// is given as it is, so that it shows up as missing.
    private func files(at path: String, isExplicit: Bool) -> [String] {
        guard let folder = opendir(path) else { return isExplicit ? [path] : [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name.hasPrefix("libBeasts"), name.hasSuffix("Backend.so") { names.append(name) }
        }
        return names.sorted().map { path.hasSuffix("/") ? path + $0 : path + "/" + $0 }
    }

    private func canonical(_ path: String) -> String {
        guard let pointer = realpath(path, nil) else { return path }
        defer { free(pointer) }
        return String(cString: pointer)
    }
}
