// SPDX-License-Identifier: MIT

extension NearestCodeArguments {
    public var mayNeedComposition: Bool { true }

    /// The nearest code has the largest 2 z·e - |e|², which is less the squared distance by the input's own squared norm.
    public func compose(in session: Session) throws(BackendError) {
        let (rows, codeCount) = (input.shape[0], squaredNorms.shape[0])
        let negatedNorms = try session.makeTensor([codeCount])
        try session.run(ScaleArguments(output: negatedNorms.view, input: squaredNorms, alpha: -1))
        let block = max(1, session.scratchLimit / codeCount)
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
                ReduceArguments(output: best.view, input: scores.view.insertingAxis(2), reduction: .maximum))
            try session.run(
                ScaleArguments(output: distances.slice(0, range), input: best.select(1, 0).view, alpha: -1))
        }
    }
}

extension TopKArguments {
    public var mayNeedComposition: Bool { true }

    /// On the host: the rows are read, ranked and written back.
    public func compose(in session: Session) throws(BackendError) {
        let (rows, count, k) = (input.shape[0], input.shape[1], values.shape[1])
        let dense = try session.makeTensor(input.shape)
        try session.run(CopyArguments(output: dense.view, input: input))
        let elements = try session.download(dense)
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
        try session.copy(session.makeTensor(largest, shape: values.shape), to: values)
        try session.copy(session.makeTensor(places, shape: indices.shape), to: indices)
        try session.copy(session.makeTensor(tieCounts, shape: ties.shape), to: ties)
    }
}

extension Session {
    fileprivate func copy(_ input: Tensor, to output: TensorView) throws(BackendError) {
        try run(CopyArguments(output: output, input: input.view))
    }
}
