// SPDX-License-Identifier: MIT
internal import BeastCore

/// The library as a whole: whether it opens, has a device that can run, and gives contexts. Where it does not, no other
/// case can run, and this one says why.
struct LibraryCase: CaseBody {
    static let subject = "library"

    var op: BackendOp? { nil }
    var subject: String { Self.subject }
    var parameters: String { "opens, probes and gives two contexts at once" }
    var tolerance: String { Tolerance.code }

    func run(_ bench: Workbench) throws(CaseStop) {
        guard let library = bench.library else { throw .unsupported("needs a library") }
        var probe: ProbeResult?
        try bench.calling("probe") { () throws(BackendError) in probe = try library.probe() }
        if probe?.deviceName.isEmpty ?? true { throw .failed("probe: the device has no name") }
        try bench.calling("create_context") { () throws(BackendError) in
            let contexts = [try library.makeContext(), try library.makeContext()]
            for context in contexts { try context.synchronize() }
        }
    }
}
