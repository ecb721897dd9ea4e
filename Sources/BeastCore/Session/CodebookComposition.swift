// SPDX-License-Identifier: MIT

extension NearestCodeArguments: ComposableArguments {
    private static let scoreLimit = 16 << 20

    /// The nearest code has the largest 2 z·e - |e|², which is less the squared distance by the input's own squared norm.
    func compose(in session: Session) throws(BackendError) {
        let (rows, codeCount) = (input.shape[0], squaredNorms.shape[0])
        let negatedNorms = try session.makeTensor([codeCount])
        try session.run(ScaleArguments(output: negatedNorms.view, input: squaredNorms, alpha: -1))
        let block = max(1, Self.scoreLimit / codeCount)
        for start in stride(from: 0, to: rows, by: block) {
            let range = start..<min(rows, start + block)
            let scores = try session.makeTensor([range.count, codeCount])
            try session.run(
                LinearArguments(
                    output: scores.view, input: input.slice(0, range), weight: weight, alpha: 2,
                    epilogue: Epilogue(bias: negatedNorms.view)))
            try session.run(ArgReduceArguments(output: codes.slice(0, range), input: scores.view, extremum: .maximum))
            let best = try session.makeTensor([range.count, 1])
            try session.run(
                ReduceArguments(
                    output: best.view, input: scores.view.insertingAxis(2).withUnitLastStride, reduction: .maximum))
            try session.run(
                ScaleArguments(output: distances.slice(0, range), input: best.select(1, 0).view, alpha: -1))
        }
    }
}

extension TensorView {
    fileprivate var withUnitLastStride: TensorView {
        var view = self
        view.strides[rank - 1] = 1
        return view
    }
}

extension TopKArguments: ComposableArguments {
    /// On the host: the rows are read, ranked and written back.
    func compose(in session: Session) throws(BackendError) {
        let (rows, count, k) = (input.shape[0], input.shape[1], values.shape[1])
        let elements = try session.download(input, count: rows * count)
        var largest: [Float] = []
        var places: [Int32] = []
        var tieCounts: [Int32] = []
        for row in 0..<rows {
            let scores = elements[row * count..<(row + 1) * count]
            // NaN counts as the largest; among equals the lower index comes first.
            let ranked = scores.indices.sorted { left, right in
                let (a, b) = (scores[left], scores[right])
                if a.isNaN || b.isNaN { return a.isNaN && (!b.isNaN || left < right) }
                return a == b ? left < right : a > b
            }
            for index in ranked.prefix(k) {
                largest.append(scores[index])
                places.append(Int32(index - row * count))
            }
            let last = scores[ranked[k - 1]]
            tieCounts.append(Int32(scores.count { $0 == last || ($0.isNaN && last.isNaN) }))
        }
        try session.copy(try session.makeTensor(largest, shape: values.shape).view, to: values)
        try session.copy(try session.makeTensor(places, shape: indices.shape).view, to: indices)
        try session.copy(try session.makeTensor(tieCounts, shape: ties.shape).view, to: ties)
    }
}

extension Session {
    fileprivate func copy(_ input: TensorView, to output: TensorView) throws(BackendError) {
        try run(CopyArguments(output: output, input: input))
    }

    fileprivate func download(_ view: TensorView, count: Int) throws(BackendError) -> [Float] {
        let dense = try makeTensor(view.shape)
        try run(CopyArguments(output: dense.view, input: view))
        return try download(dense)
    }
}
