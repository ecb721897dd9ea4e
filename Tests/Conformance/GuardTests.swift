import BeastCore
import Testing

// SPDX-License-Identifier: MIT
@testable import BeastConformance

@Suite("The guards of an operand") struct GuardTests {
    private func operand(_ values: [Double]?, _ layout: Layout = .sliced) throws -> (Operand, PluginBackend) {
        let backend = try LibraryFolder.reference().makeContext()
        return (try Operand("x", shape: [2, 3], values: values, dtype: .float32, layout: layout, on: backend), backend)
    }

    @Test("lie in front, behind and between the rows") func places() throws {
        let (operand, backend) = try operand(nil)
        let bytes = try operand.download(from: backend)
        #expect(operand.damage(in: bytes) == nil)
        let inside = Set(operand.elementOffsets.flatMap { $0..<($0 + 4) })
        #expect(inside.count == 24 && operand.elementOffsets[0] >= 256 && bytes.count - operand.elementOffsets[5] > 256)
        for position in bytes.indices {
            var changed = bytes
            changed[position] ^= 1
            #expect((operand.damage(in: changed) == nil) == inside.contains(position))
        }
    }

    @Test("cover the elements of an input too") func inputs() throws {
        let (operand, backend) = try operand([1, 2, 3, 4, 5, 6])
        var bytes = try operand.download(from: backend)
        #expect(operand.array.values == [1, 2, 3, 4, 5, 6])
        bytes[operand.elementOffsets[4]] ^= 1
        #expect(operand.damage(in: bytes)?.hasPrefix("input x was changed, first at element") == true)
    }

    @Test("follow permuted, repeated and stretched layouts") func layouts() {
        #expect(Layout.permuted(1, 0).strides(of: [2, 3]) == [1, 2])
        #expect(Layout.repeated(0).strides(of: [2, 3]) == [0, 1])
        #expect(Layout(gap: 5, planeGap: 7).strides(of: [4, 2, 3]) == [23, 8, 1])
        #expect(Layout(step: 2).strides(of: [2, 3]) == [6, 2])
    }
}
