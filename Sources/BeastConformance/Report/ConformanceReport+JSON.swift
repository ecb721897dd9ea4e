// SPDX-License-Identifier: MIT
internal import BeastCore

extension ConformanceReport {
    /// The report for programs. The fields are promised; an error that is no number is null.
    public var json: String {
        JSONText.object([
            ("backend", .string(backend)), ("version", .string(version)), ("path", .string(path)),
            ("seed", .string(String(seed))), ("conforms", .bool(isConforming)), ("passed", .number(Double(passed))),
            ("failed", .number(Double(failed))), ("unsupported", .number(Double(unsupported))),
            ("absent", .array(absent.map { .string($0.name) })),
            ("untested", .array(untested.map { .string($0.name) })),
            (
                "ops",
                .array(
                    lines.map { line in
                        .object([
                            ("name", .string(line.subject)), ("passed", .number(Double(line.passed))),
                            ("failed", .number(Double(line.failed))),
                            ("unsupported", .number(Double(line.unsupported))),
                            ("largest_error_ratio", line.largestErrorRatio.map(JSONText.number) ?? .null),
                            ("worst_case", line.worstCase.map(JSONText.string) ?? .null),
                        ])
                    })
            ),
            ("cases", .array(results.map(\.jsonText))),
        ]).text + "\n"
    }
}

extension ConformanceResult {
    fileprivate var jsonText: JSONText {
        let (outcome, detail): (String, JSONText) =
            switch self.outcome {
            case .passed: ("passed", .null)
            case .failed(let message): ("failed", .string(message))
            case .unsupported(let message): ("unsupported", .string(message))
            }
        return .object([
            ("op", .string(testCase.subject)), ("parameters", .string(testCase.parameters)),
            ("outcome", .string(outcome)),
            ("detail", detail), ("tolerance", .string(testCase.tolerance)),
            ("error_ratio", largestErrorRatio.map(JSONText.number) ?? .null),
            ("worst_element", worstElement.map(JSONText.string) ?? .null),
        ])
    }
}
