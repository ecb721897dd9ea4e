// SPDX-License-Identifier: MIT
import Testing

@testable import BeastCore

/// Products with a bias, an activation and a residual, on a backend that denies all of these.
@Suite struct EpilogueCompositionTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var hasBias: Bool
        var hasResidual: Bool
        var activation: Activation
        var order: EpilogueOrder

        var testDescription: String { "bias \(hasBias), residual \(hasResidual), \(activation), \(order)" }
    }

    static let cases: [Case] = [false, true].flatMap { hasBias in
        [false, true].flatMap { hasResidual in
            Activation.allCases.flatMap { activation in
                EpilogueOrder.allCases.map {
                    Case(hasBias: hasBias, hasResidual: hasResidual, activation: activation, order: $0)
                }
            }
        }
    }

    // Sums of up to 45 products below 1, rounded to float32 after product, bias, activation and residual:
    // 4 * 16 * 2^-24 = 3.8e-6.
    private let tolerance = 4e-6

    private func sessions() throws -> (native: Session, composing: Session) {
        let backend = AlteredBackend(try Reference.context())
        backend.deniesEpilogues = true
        return (try Reference.session(), Session(backend: backend))
    }

    private func naive(_ c: Case, _ shape: [Int]) -> NaiveEpilogue {
        NaiveEpilogue(
            bias: c.hasBias ? .random([shape[shape.count - 1]], seed: 3) : nil,
            residual: c.hasResidual ? .random(shape, seed: 4) : nil, activation: c.activation, order: c.order)
    }

    @Test(arguments: cases) func linear(_ c: Case) throws {
        let (input, matrix) = (Grid.random([2, 3, 21], seed: 1), Grid.random([7, 21], seed: 2))
        var products = Grid([2, 3, 7])
        for b in 0..<2 {
            for m in 0..<3 {
                for n in 0..<7 {
                    for k in 0..<21 { products[b, m, n] += 0.75 * input[b, m, k] * matrix[n, k] }
                }
            }
        }
        let naive = naive(c, products.shape)
        let expected = naive.applied(to: products)
        let sessions = try sessions()
        for session in [sessions.native, sessions.composing] {
            let (x, weight) = (try session.tensor(input), try session.weight(.linear, matrix))
            let (bias, residual) = (try naive.bias.map(session.tensor), try naive.residual.map(session.tensor))
            let output = try session.blank([2, 3, 7])
            var arguments = LinearArguments(
                output: output.view, input: x.view, weight: weight.handle, alpha: 0.75,
                epilogue: Epilogue(bias: bias?.view, residual: residual?.view, activation: c.activation, order: c.order)
            )
            try session.run(arguments)
            expectClose(try session.download(output), expected, within: tolerance)
            if let residual {
                arguments.output = residual.view
                try session.run(arguments)
                #expect(try session.download(residual) == session.download(output), "the residual in place")
            }
            withExtendedLifetime((weight, bias)) {}
        }
        let isBare = !c.hasBias && !c.hasResidual && c.activation == .none
        #expect((sessions.composing.statistics.composed[.linear] ?? 0) == (isBare ? 0 : c.hasResidual ? 2 : 1))
        #expect(sessions.native.statistics.composed[.linear] == nil)
    }

    @Test(arguments: cases) func conv2d(_ c: Case) throws {
        // Two groups, a stride for each axis, uneven padding.
        let (input, kernel) = (Grid.random([2, 5, 4, 6], seed: 1), Grid.random([8, 3, 3, 2], seed: 2))
        let (height, width) = ((5 + 0 + 1 - 3) / 2 + 1, (4 + 2 + 0 - 2) / 1 + 1)
        var products = Grid([2, height, width, 8])
        for b in 0..<2 {
            for y in 0..<height {
                for x in 0..<width {
                    for output in 0..<8 {
                        for i in 0..<3 {
                            for j in 0..<2 {
                                let (row, column) = (y * 2 + i, x + j - 2)
                                guard row < 5, column >= 0, column < 4 else { continue }
                                for channel in 0..<3 {
                                    products[b, y, x, output] +=
                                        input[b, row, column, output / 4 * 3 + channel] * kernel[output, channel, i, j]
                                }
                            }
                        }
                    }
                }
            }
        }
        let naive = naive(c, products.shape)
        let expected = naive.applied(to: products)
        let sessions = try sessions()
        for session in [sessions.native, sessions.composing] {
            let (x, weight) = (try session.tensor(input), try session.weight(.conv2d, kernel, groups: 2))
            let (bias, residual) = (try naive.bias.map(session.tensor), try naive.residual.map(session.tensor))
            let output = try session.blank(Shape(products.shape))
            var arguments = Conv2dArguments(
                output: output.view, input: x.view, weight: weight.handle, strideY: 2, strideX: 1, paddingBottom: 1,
                paddingLeft: 2, groups: 2,
                epilogue: Epilogue(bias: bias?.view, residual: residual?.view, activation: c.activation, order: c.order)
            )
            try session.run(arguments)
            expectClose(try session.download(output), expected, within: tolerance)
            if let residual {
                arguments.output = residual.view
                try session.run(arguments)
                #expect(try session.download(residual) == session.download(output), "the residual in place")
            }
            withExtendedLifetime((weight, bias)) {}
        }
    }

    @Test func aResidualElsewhereInTheOutputsBufferIsKept() throws {
        let session = try sessions().composing
        let (input, matrix) = (Grid.random([2, 3], seed: 1), Grid.random([4, 3], seed: 2))
        let both = Grid.random([2, 2, 4], seed: 5)
        let (x, weight, buffer) = (
            try session.tensor(input), try session.weight(.linear, matrix), try session.tensor(both)
        )
        try session.run(
            LinearArguments(
                output: buffer.select(0, 0).view, input: x.view, weight: weight.handle,
                epilogue: Epilogue(residual: buffer.select(0, 1).view)))
        var expected = both
        for m in 0..<2 {
            for n in 0..<4 {
                expected[0, m, n] = both[1, m, n] + (0..<3).reduce(0) { $0 + input[m, $1] * matrix[n, $1] }
            }
        }
        expectClose(try session.download(buffer), expected, within: tolerance)
        withExtendedLifetime(weight) {}
    }

    @Test func aBareProductThatIsDeniedIsUnsupported() throws {
        let session = try Reference.session()
        let weight = try session.weight(.linear, Grid([4, 3]))
        let input = try session.makeTensor([2, 3], dtype: .float16)
        let output = try session.makeTensor([2, 4], dtype: .float16)
        let error = #expect(throws: BackendError.self) {
            try session.run(LinearArguments(output: output.view, input: input.view, weight: weight.handle))
        }
        #expect(error?.code == .unsupported)
        #expect(error?.message == "linear: the backend refuses it for elements of type float16")
        withExtendedLifetime(weight) {}
    }
}
