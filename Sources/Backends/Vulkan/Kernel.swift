// SPDX-License-Identifier: MIT
internal import BeastCore

/// The kernels, by the names of their files in Sources/Shaders.
enum Kernel: String, Sendable {
    case fill, copy, elementwise, softmax, reduce
    case gatherRows = "gather_rows"
    case maxPool = "max_pool"
    case layerNorm = "layer_norm"
    case groupStatistics = "group_statistics"
    case groupNorm = "group_norm"
    case argReduce = "arg_reduce"
    case topK = "top_k"
    case gemmRegister = "gemm_register"
    case gemmTiled = "gemm_tiled"
    case gemmCombine = "gemm_combine"
    case gemv
    case convolutionRegister = "convolution_register"
    case convolutionGrouped = "convolution_grouped"
    case convolutionTiled = "convolution_tiled"
    case attentionTiled = "attention_tiled"
    case attentionDecode = "attention_decode"
    case attentionCombine = "attention_combine"
    case linearCooperative = "linear_coopmat"
    case convolutionCooperative = "conv2d_coopmat"
    case attentionCooperative = "attention_coopmat"
    case attentionCooperative2 = "attention_coopmat2"

    /// SPIR-V.
    func code(usesTexels: Bool) throws(BackendError) -> [UInt32] {
        let name = usesTexels ? rawValue + "_texels" : rawValue
        guard let text = EmbeddedShaders.all[name], let words = decodeBase64(text) else {
            throw BackendError(.internal, "kernel \(name) is not in this library")
        }
        return words
    }
}

/// The number of a specialization constant, as the kernels spell it.
enum Constant: UInt32, Sendable {
    case group = 0
    /// LANES, KIND or SIZE.
    case one = 1
    case leftType = 2
    case rightType = 3
    case outputType = 4
    /// RESIDUAL_TYPE, WEIGHT_TYPE or a flag.
    case five = 5
    case biasType = 6
    case activation = 7
    case residualFirst = 8
    case rows = 10
    case eleven = 11
    case twelve = 12
    case thirteen = 13
    case fourteen = 14
    case fifteen = 15
    case sixteen = 16
    case seventeen = 17
    /// Axes of a view that are counted.
    case axes = 18
    case kernelHeight = 20
    case kernelWidth = 21
    case strideY = 22
    case strideX = 23
    case paddingTop = 24
    case paddingLeft = 25
    case kernelTime = 26
    case strideTime = 27
    case paddingFront = 28
    case repeatsEdges = 29
}

/// A kernel with its constants: what is compiled, once.
struct PipelineKey: Hashable, Sendable {
    struct Value: Hashable, Sendable {
        let number: UInt32
        let value: UInt32
    }

    let kernel: Kernel
    /// Whether it is compiled to read through texel buffers, where there are both ways.
    var usesTexels = false
    let constants: [Value]
    /// 0 for the device's own choice.
    let subgroupSize: UInt32

    init(_ kernel: Kernel, _ constants: [(Constant, Int)]) {
        self.init(kernel, numbers: constants.map { ($0.0.rawValue, $0.1) }, subgroupSize: 0)
    }

    /// - Parameter numbers: of a kernel that counts its constants in its own way.
    init(_ kernel: Kernel, numbers: [(UInt32, Int)], subgroupSize: Int) {
        self.kernel = kernel
        constants = numbers.map { Value(number: $0.0, value: UInt32(clamping: $0.1)) }
        self.subgroupSize = UInt32(clamping: subgroupSize)
    }

    init(_ kernel: Kernel, _ constants: KeyValuePairs<Constant, Int>) {
        self.init(kernel, constants.map { ($0.key, $0.value) })
    }

    /// The same kernel, reading as these operands are read.
    func reading(_ operands: Reading) -> PipelineKey {
        var key = self
        key.usesTexels = operands.usesTexels
        return key
    }

    /// A constant that several kernels share.
    var group: Int { constants.first { $0.number == 0 }.map { Int($0.value) } ?? 64 }
}

/// Reads what shader-embed wrote: whole 32-bit words, lowest byte first.
private func decodeBase64(_ text: StaticString) -> [UInt32]? {
    text.withUTF8Buffer { characters in
        var bytes: [UInt8] = []
        bytes.reserveCapacity(characters.count / 4 * 3)
        var (gathered, bits) = (UInt32(0), 0)
        for character in characters where character != UInt8(ascii: "=") {
            let digit: UInt8
            switch character {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): digit = character - UInt8(ascii: "A")
            case UInt8(ascii: "a")...UInt8(ascii: "z"): digit = character - UInt8(ascii: "a") + 26
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = character - UInt8(ascii: "0") + 52
            case UInt8(ascii: "+"): digit = 62
            case UInt8(ascii: "/"): digit = 63
            default: return nil
            }
            gathered = gathered << 6 | UInt32(digit)
            bits += 6
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(truncatingIfNeeded: gathered >> UInt32(bits)))
            }
        }
        guard bytes.count.isMultiple(of: 4), !bytes.isEmpty else { return nil }
        return bytes.withUnsafeBytes { raw in
            (0..<raw.count / 4).map { UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: $0 * 4, as: UInt32.self)) }
        }
    }
}
