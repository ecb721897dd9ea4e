// SPDX-License-Identifier: MIT
import BeastCore
import Testing

@Suite("A tensor view") struct TensorViewTests {
    private let buffer = BufferHandle(rawValue: 1)

    private func view(_ shape: Shape, offset: Int = 0, strides: Shape? = nil) -> TensorView {
        TensorView(buffer: buffer, offset: offset, shape: shape, strides: strides)
    }

    @Test("is dense with row-major strides unless told otherwise") func dense() {
        #expect(view([2, 3, 4]).strides == [12, 4, 1])
        #expect(view([2, 3, 4]).isDense && view([]).isDense && view([1, 1]).isDense)
        #expect(!view([2, 3], strides: [4, 1]).isDense && !view([2, 3], strides: [1, 2]).isDense)
        #expect(view([1, 3], strides: [77, 1]).isDense, "the stride of a single element does not matter")
        #expect(view([]).elementCount == 1 && view([4, 0]).elementCount == 0)
    }

    @Test("slices and selects") func slices() {
        let whole = view([4, 5, 6], offset: 2)
        let part = whole.slice(1, 2..<4)
        #expect(part.shape == [4, 2, 6] && part.strides == [30, 6, 1] && part.offset == 14)
        let row = whole.select(0, 3)
        #expect(row.shape == [5, 6] && row.strides == [6, 1] && row.offset == 92)
        #expect(whole.select(2, 5).shape == [4, 5] && whole.select(2, 5).offset == 7)
        #expect(whole.slice(2, 6..<6).elementCount == 0)
    }

    @Test("permutes") func permutes() {
        let view = view([2, 3, 4]).permuted(2, 0, 1)
        #expect(view.shape == [4, 2, 3] && view.strides == [1, 12, 4])
        #expect(view.permuted(1, 2, 0) == self.view([2, 3, 4]))
    }

    @Test("broadcasts with stride 0") func broadcasts() {
        let row = view([5]).broadcast(to: [2, 3, 5])
        #expect(row.shape == [2, 3, 5] && row.strides == [0, 0, 1])
        #expect(view([3, 1]).broadcast(to: [3, 7]).strides == [1, 0])
        #expect(view([1, 1]).broadcast(to: [1, 1]).strides == [1, 1])
    }

    @Test("reshapes where strides can express it") func reshapes() {
        #expect(view([2, 3, 4]).reshaped([6, 4])?.strides == [4, 1])
        #expect(view([2, 3, 4]).reshaped([24])?.strides == [1])
        #expect(view([2, 3, 4]).reshaped([2, 1, 12])?.strides == [12, 12, 1])
        #expect(view([2, 3, 4]).reshaped([5, 5]) == nil)
        // Rows with a gap: the rows can be split, but not joined.
        let apart = view([6, 4], strides: [10, 1])
        #expect(apart.reshaped([2, 3, 4])?.strides == [30, 10, 1])
        #expect(apart.reshaped([6, 2, 2])?.strides == [10, 2, 1])
        #expect(apart.reshaped([24]) == nil && apart.reshaped([3, 8]) == nil)
        // A permuted view can be cut, not merged.
        let turned = view([4, 6]).permuted(1, 0)
        #expect(turned.reshaped([2, 3, 4])?.strides == [3, 1, 6])
        #expect(turned.reshaped([24]) == nil)
        #expect(view([4, 0]).reshaped([0]) != nil && view([0, 4], strides: [9, 2]).reshaped([2, 0, 3]) != nil)
        #expect(view([3, 5], strides: [0, 1]).reshaped([3, 5, 1])?.strides.prefix(2).elementsEqual([0, 1]) == true)
    }

    @Test("knows how far it reaches, and what is no view") func limits() {
        #expect(view([2, 3], offset: 7).elementLimit == 13)
        #expect(view([2, 3], strides: [100, 10]).elementLimit == 121)
        #expect(view([5], strides: [0]).elementLimit == 1)
        #expect(view([], offset: 3).elementLimit == 4)
        #expect(view([0, 1 << 40], offset: 5).elementLimit == 0)
        for bad in [
            view([-1]), view([2], offset: -1), view([2], strides: [-1]), view([Int.max, 3], strides: [2, 1]),
            view([3], strides: [Int.max]), view([1], offset: Int.max), view([2], offset: Int.max - 1, strides: [5]),
        ] { #expect(bad.elementLimit == nil, "\(bad)") }
    }

    @Test("has a shape that does not overflow") func shapes() {
        #expect(Shape([1 << 40, 1 << 40]).elementCount == Int.max)
        #expect(Shape([1 << 40, 0, 1 << 40]).elementCount == 0)
        #expect(Shape([1 << 40, 1 << 8]).isReasonable && Shape().isReasonable && Shape([0, 5]).isReasonable)
        #expect(
            !Shape([1 << 40, 1 << 9]).isReasonable && !Shape([0, 1 << 62]).isReasonable && !Shape([-1]).isReasonable)
        #expect(!Shape([1 << 32, 1 << 32]).isReasonable)
        #expect(Shape([2, 3]).description == "[2, 3]" && Shape([2, 3]).dropLast(5) == [])
    }
}
