// SPDX-License-Identifier: MIT
internal import BeastCore
internal import VulkanLibrary

/// The constants of epilogue.glsl.
struct EpilogueConstants {
    private let pairs: [(Constant, Int)]

    init(_ left: DType, _ right: DType, _ output: DType, _ epilogue: Epilogue) {
        pairs = [
            (.leftType, Int(left.rawValue)), (.rightType, Int(right.rawValue)), (.outputType, Int(output.rawValue)),
            (.five, epilogue.residual.map { Int($0.dtype.rawValue) } ?? 0),
            (.biasType, epilogue.bias.map { Int($0.dtype.rawValue) } ?? 0),
            (.activation, Int(epilogue.activation.rawValue)),
            (.residualFirst, epilogue.order == .residualThenActivation ? 1 : 0),
        ]
    }

    func with(_ others: [(Constant, Int)]) -> [(Constant, Int)] { others + pairs }

    func with(_ others: KeyValuePairs<Constant, Int>) -> [(Constant, Int)] {
        others.map { ($0.key, $0.value) } + pairs
    }
}

/// How tile.glsl cuts a product.
struct Tile {
    let rows: Int
    let columns: Int
    let inner: Int
    /// What one invocation keeps, along both axes.
    let edge: Int

    /// Large tiles read least; small ones are for products of which there would be too few for all of a GPU.
    init(_ device: DeviceDescription, rows: Int, columns: Int, batches: Int) {
        func count(_ edge: Int) -> Int { (rows + edge - 1) / edge * ((columns + edge - 1) / edge) * batches }
        let isLarge = count(128) >= 192 && device.raw.shared_byte_count >= 17 << 10 && !device.isSoftware
        self.rows = isLarge ? 128 : 64
        self.columns = isLarge ? 128 : 64
        inner = 16
        edge = isLarge ? 8 : 4
    }

    var constants: [(Constant, Int)] {
        [
            (.group, rows / edge * (columns / edge)), (.rows, rows), (.eleven, columns), (.twelve, inner),
            (.thirteen, edge), (.fourteen, edge),
        ]
    }
}
