// SPDX-License-Identifier: MIT
import Menagerie
import Testing

@Suite struct EmbeddingDifferenceTests {
    @Test func figuresAreTheOnesByHand() throws {
        var difference = EmbeddingDifference()
        difference.add("a", right: [3, 4], other: [3, 4])
        difference.add("b", right: [3, 4], other: [3, 5])
        #expect(difference.maximum == 1)
        #expect(difference.mean == 0.25)
        #expect(difference.relative == 0.2)
        let cosine = 29 / (5 * 34.0.squareRoot())
        #expect(abs(difference.cosine - cosine) < 1e-15)
        #expect(difference.worst?.name == "b")
        #expect(difference.isWithin(0.2) && !difference.isWithin(0.19))
    }

    @Test(arguments: [Float.nan, .infinity])
    func numbersThatAreNotFiniteAreADifferenceOnEitherSideAndOnBoth(number: Float) {
        let sides: [([Float], [Float])] = [
            ([1, number], [1, 1]), ([1, 1], [1, number]), ([1, number], [1, number]),
        ]
        for (right, other) in sides {
            var difference = EmbeddingDifference()
            difference.add("bad", right: right, other: other)
            difference.add("fine", right: [1, 2], other: [1, 3])
            #expect(!difference.isWithin(.infinity))
            #expect(difference.relative.isNaN && difference.maximum.isNaN && difference.mean.isNaN)
            #expect(difference.cosine.isNaN)
            #expect(difference.worst?.name == "bad")
        }
    }

    @Test func zerosAgreeWithZerosOnly() {
        var difference = EmbeddingDifference()
        difference.add("zero", right: [0, 0], other: [0, 0])
        #expect(difference.isWithin(0))
        difference.add("other", right: [0, 0], other: [0, 1])
        #expect(!difference.isWithin(1e30))
    }

    @Test func theMedianIsTheMiddle() {
        #expect(TimeSamples([3, 1, 2]).median == 2)
        #expect(TimeSamples([4, 1, 2, 3]).median == 2.5)
        #expect(TimeSamples([1, 4]).spread == 1.5)
        #expect(TimeSamples().median == 0)
    }
}
