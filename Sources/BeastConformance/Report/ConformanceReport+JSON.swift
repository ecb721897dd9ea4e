// SPDX-License-Identifier: MIT
internal import BeastCore

extension ConformanceReport {
    /// The report for programs. The fields are promised; an error that is no number is null.
    public var json: String {
        let facts: [(String, JSONText)] = [
            ("backend", .string(backend)), ("version", .string(version)), ("path", .string(path)),
            ("seed", .string(String(seed))), ("conforms", .bool(isConforming)),
        ]
        let findings: [(String, JSONText)] = [
            ("native", .array(native.map { .string($0.name) })), ("not_run", .number(Double(notRun))),
            ("absent", .array(absent.map { .string($0.name) })),
            ("untested", .array(untested.map { .string($0.name) })),
            ("ops", .array(lines.map(\.jsonText))), ("cases", .array(results.map(\.jsonText))),
        ]
        return JSONText.object(facts + counts.jsonFields + findings).text + "\n"
    }
}

extension StatusCounts {
    /// The statuses that can come of an op's case.
    private static let ofOps: [CaseStatus] = [
        .passed, .failed, .crashed, .hung, .unsupported, .knownFailure, .unexpectedPass,
    ]

    var jsonFields: [(String, JSONText)] { jsonFields(of: Self.ofOps) }

    func jsonFields(of statuses: [CaseStatus]) -> [(String, JSONText)] {
        statuses.map { status in
            (String(status.plural.map { $0 == " " ? "_" : $0 }), .number(Double(self[status])))
        }
    }
}

extension ConformanceReport.Line {
    fileprivate var jsonText: JSONText {
        .object(
            [("name", .string(subject))] + counts.jsonFields + [
                ("largest_error_ratio", largestErrorRatio.map(JSONText.number) ?? .null),
                ("worst_case", worstCase.map(JSONText.string) ?? .null),
            ])
    }
}

extension ConformanceResult {
    fileprivate var jsonText: JSONText {
        .object([
            ("op", .string(testCase.subject)), ("parameters", .string(testCase.parameters)),
            ("outcome", .string(status.rawValue)), ("detail", detail.map(JSONText.string) ?? .null),
            ("tolerance", .string(testCase.tolerance)),
            ("error_ratio", largestErrorRatio.map(JSONText.number) ?? .null),
            ("worst_element", worstElement.map(JSONText.string) ?? .null),
        ])
    }
}
