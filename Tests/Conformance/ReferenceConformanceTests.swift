// SPDX-License-Identifier: MIT
import BeastConformance
import BeastCore
import Testing

/// The reference backend as it is built and loaded: through its dynamic library.
@Suite("The reference backend") struct ReferenceConformanceTests {
    /// What a debug build gets through in time; a release run of the whole suite takes seconds.
    static let cases = ConformanceCase.all(seed: 1).filter { $0.cost <= 60_000 && ($0.op?.isRequired ?? true) }

    @Test("conforms", arguments: cases)
    func conforms(testCase: ConformanceCase) throws {
        let library = try LibraryFolder.reference()
        let result = testCase.run(on: try library.makeContext(), library: library)
        switch result.outcome {
        case .passed: break
        case .unsupported(let reason): #expect(testCase.mayBeUnsupported, "\(testCase.name): \(reason)")
        default: Issue.record("\(result.failure ?? "")")
        }
    }

    @Test("gives the same results with one thread and with several") func threads() throws {
        let library = try LibraryFolder.reference()
        for threadCount in [1, 3] {
            let runner = ConformanceRunner(library: library, options: ContextOptions(threadCount: threadCount), seed: 5)
            let report = try runner.run(filter: "linear epilogue")
            #expect(report.isConforming, "\(report.text)")
        }
    }

    @Test("supports everything in float32 that it must") func supportsRequired() throws {
        let required = Self.cases.filter { !$0.mayBeUnsupported }
        #expect(required.count > 200)
        #expect(Set(required.compactMap(\.op)) == Set(BackendOp.allCases.filter(\.isRequired)))
    }
}
