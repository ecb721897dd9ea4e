// SPDX-License-Identifier: MIT
import BeastConformance
import BeastCore
import Testing

@Suite("The conformance runner") struct RunnerTests {
    @Test("has cases for every op") func coverage() {
        let cases = ConformanceCase.all()
        for op in BackendOp.allCases {
            let count = cases.count { $0.op == op && !$0.parameters.hasPrefix("malformed") }
            #expect(count >= (op.isRequired ? 7 : 4), "\(op.name)")
        }
        #expect(Set(cases.map(\.name)).count == cases.count, "two cases have one name")
        #expect(cases.allSatisfy { !$0.tolerance.isEmpty && !$0.parameters.isEmpty })
    }

    @Test("runs what the filter names and nothing else") func filter() throws {
        let runner = ConformanceRunner(library: try LibraryFolder.reference(), seed: 3)
        #expect(runner.cases(filter: "scale").allSatisfy { $0.op == .scale })
        #expect(runner.cases(filter: "linear gelu").allSatisfy { $0.op == .linear && $0.name.contains("gelu") })
        #expect(runner.cases(filter: "linear gelu").count > 2)
        #expect(runner.cases(filter: "LINEAR").count == runner.cases(filter: "linear").count)
        #expect(runner.cases(filter: "nothing of the kind").isEmpty)
        #expect(runner.cases().count == ConformanceCase.all(seed: 3).count)
        let report = try runner.run(filter: "arg_reduce ties")
        #expect(report.results.count == 2 && report.isConforming)
    }

    @Test("reports progress, text and JSON") func report() throws {
        var lines: [String] = []
        let report = try ConformanceRunner(library: try LibraryFolder.reference(), seed: 3).run(filter: "add") {
            lines.append($0)
        }
        #expect(lines == ["add: \(report.results.count) cases"])
        #expect(report.failed == 0 && report.passed > 8 && report.unsupported == 2)
        #expect(report.text.contains("Conformance of backend 'reference'"))
        #expect(report.text.hasSuffix("\nconformance: \(report.passed) passed, 0 failed, 2 unsupported"))
        #expect(report.json.hasPrefix(#"{"backend": "reference", "version": "#))
        #expect(
            report.json.contains(#""conforms": true"#)
                && report.json.contains(#""op": "add", "parameters": "[1] float32"#))
        #expect(report.absent.contains(.attention) && report.text.contains("composed by the host: attention"))
    }

    @Test("finds that the tiny plugin is no conforming backend, and says why") func tiny() throws {
        var lines: [String] = []
        let report = try ConformanceRunner(library: try LibraryFolder.library("BeastTestTinyPlugin"))
            .run(filter: "matmul") { lines.append($0) }
        #expect(!report.isConforming && report.failed > 10)
        #expect(report.text.contains("FAILED: matmul [1, 1] x [1, 1]"))
        #expect(report.text.contains("matmul: left out of this small backend"))
        #expect(lines.contains { $0.hasPrefix("failed: matmul") })
        #expect(report.text.contains("The backend does not conform."))
    }

    @Test("gives the same data for the same seed, and other data for another") func seeds() {
        let names = ConformanceCase.all(seed: 9).map(\.name)
        #expect(names == ConformanceCase.all(seed: 9).map(\.name))
        #expect(names.allSatisfy { $0.hasSuffix("seed 9") })
    }
}
