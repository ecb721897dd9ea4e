// SPDX-License-Identifier: MIT
import ArgumentParser
import BeastCore

struct Backends: CommonOptionsCommand {
    static let configuration = CommandConfiguration(
        abstract: "List every backend library that was found, and what became of it.",
        discussion: """
            Searched, in this order: the files and folders of \(BackendDiscovery.environmentVariable) (separated by colons), \
            the program's folder, ../lib/beasts beside it. Files are named libBeasts*Backend.so.
            """)

    @OptionGroup var common: CommonOptions

    func run() throws {
        let discovery = BackendDiscovery.ofThisProcess()
        let reports = discovery.candidates().map(Report.init)
        let chosen = reports.filter { $0.outcome == "usable" }.max { ($0.score ?? 0) < ($1.score ?? 0) }
        if common.json {
            try JSONOutput.print(reports)
        } else {
            for report in reports {
                StandardOutput.print(report.text(isChosen: report.path == chosen?.path, isVerbose: common.verbose))
            }
            if reports.isEmpty { StandardOutput.print("no backend library was found") }
            if reports.isEmpty || common.verbose {
                for (place, path) in discovery.places { StandardOutput.print("searched \(path) (\(place))") }
            }
        }
        if chosen == nil { throw ExitCode(69) }
    }

    struct Report: Encodable {
        let path: String
        let place: String
        let outcome: String
        let reason: String?
        var name: String?
        var version: String?
        var summary: String?
        var contract: String?
        var score: Int?
        var device: String?
        var devices: Int?
        var deviceList: [Device]?
        var dtypes: [String]?
        var optionalOps: [String]?

        struct Device: Encodable {
            let name: String
            let score: Int
            /// What it is, or why it cannot be used.
            let reason: String
        }

        init(_ candidate: BackendDiscovery.Candidate) {
            path = candidate.path
            place = candidate.place
            let library: PluginLibrary?
            switch candidate.outcome {
            case .usable(let usable, let probe):
                (outcome, reason, library) = ("usable", probe.reason, usable)
                score = probe.score
                device = probe.deviceName
                devices = probe.deviceCount
                dtypes = probe.nativeDTypes.map(\.description)
                deviceList = (0..<probe.deviceCount).compactMap { number in
                    guard let device = try? usable.probe(device: number) else { return nil }
                    return Device(name: device.deviceName, score: device.score, reason: device.reason)
                }
            case .unavailable(let loaded, let why): (outcome, reason, library) = ("cannot run here", why, loaded)
            case .failed(let error): (outcome, reason, library) = (error.code.rawValue, error.reason, nil)
            case .shadowed(let shadowed, let path): (outcome, reason, library) = ("shadowed", "by \(path)", shadowed)
            }
            name = library?.name
            version = library?.version
            summary = library?.summary
            contract = library.map { "\($0.contractVersion.major).\($0.contractVersion.minor)" }
            optionalOps = library.map { library in
                BackendOp.allCases.filter { !$0.isRequired && library.hasEntry($0) }.map(\.name)
            }
        }

        func text(isChosen: Bool, isVerbose: Bool) -> String {
            let title = name.map { "\($0) \(version ?? "")" } ?? path
            var lines = [
                "\(isChosen ? "*" : " ") \(title): \(outcome)\(score.map { ", score \($0)" } ?? "")\(device.map { ", \($0)" } ?? "")"
            ]
            if let reason, !reason.isEmpty { lines.append("    \(reason)") }
            if isVerbose {
                if let summary { lines.append("    \(summary)") }
                lines.append("    file      \(path) (\(place))")
                if let contract { lines.append("    contract  \(contract)") }
                if let devices { lines.append("    devices   \(devices)") }
                for (number, device) in (deviceList ?? []).enumerated() {
                    lines.append("    device \(number)  \(device.name), score \(device.score): \(device.reason)")
                }
                if let dtypes { lines.append("    dtypes    \(dtypes.joined(separator: ", "))") }
                if let optionalOps {
                    lines.append(
                        "    optional  \(optionalOps.isEmpty ? "none: all are composed" : optionalOps.joined(separator: ", "))"
                    )
                }
            }
            return lines.joined(separator: "\n")
        }
    }
}
