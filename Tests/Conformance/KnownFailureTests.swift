// SPDX-License-Identifier: MIT
import BeastConformance
import Testing

@Suite("A list of known failures") struct KnownFailureTests {
    private let list = KnownFailures(
        """
        # A comment, and an empty line

        linear [1, 1] x [1, 1] : rounds wrongly : always
        conv3d*
          softmax [2, 3], seed 4 :\u{20}
        """)

    @Test("means a case by its name, with or without its seed") func names() {
        #expect(list.reason(for: "linear [1, 1] x [1, 1], seed 7") == "rounds wrongly : always")
        #expect(list.reason(for: "linear [1, 1] x [1, 1]") != nil)
        #expect(list.reason(for: "linear [1, 1] x [1, 12], seed 7") == nil)
        #expect(list.reason(for: "softmax [2, 3], seed 4") == "")
        #expect(list.reason(for: "softmax [2, 3], seed 5") == nil)
    }

    @Test("means cases by the beginning of their names") func patterns() {
        #expect(list.reason(for: "conv3d [1, 2], seed 1") == "")
        #expect(list.reason(for: "conv2d [1, 2], seed 1") == nil)
        #expect(list.reason(for: "# A comment, and an empty line") == nil)
    }

    @Test("says which lines mean nothing") func unused() {
        #expect(list.unused(among: ["conv3d a", "linear [1, 1] x [1, 1], seed 1"]) == ["softmax [2, 3], seed 4"])
    }
}
