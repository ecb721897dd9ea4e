// SPDX-License-Identifier: MIT
internal import FoundationEssentials

/// The `manifest.json` of a folder of golden fixtures: cases, each with inputs, checkpoints, expected outputs, tolerances.
struct FixtureManifest: Decodable {
    let cases: [FixtureCase]

    /// - Throws: ``FixtureError`` when the file is missing or no manifest.
    init(folder: String) throws {
        let path = folder + "/manifest.json"
        let data: Data
        do {
            data = try Data(contentsOf: URL(filePath: path))
        } catch {
            throw FixtureError("\(path): cannot read the manifest: \(error)")
        }
        do {
            self = try JSONDecoder().decode(FixtureManifest.self, from: data)
        } catch {
            throw FixtureError("\(path): not a manifest of fixtures: \(error)")
        }
    }
}

/// One case. Fields that only other kinds have are left out here and ignored in the file.
struct FixtureCase: Decodable {
    let id: String
    let kind: String
    let arch: String?
    let optional: Bool?
    let config: Configuration?
    /// The configuration file of a tokeniser.
    let config_file: String?
    /// Each of these alone must give the outputs.
    let checkpoints: [String]?
    let load: Load?
    let inputs: Inputs?
    let pipeline: [String]?
    let mean: [Float]?
    let std: [Float]?
    /// Of a sampled sequence: codes that are added, and how they are drawn.
    let steps: Int?
    let temperature: Double?
    let top_k: Int?
    /// Of a grid of pictures.
    let options: GridOptions?
    let outputs: [String: Output]?
    /// What must become of a damaged file: `fail`, or `see must`.
    let expect: String?
    /// The same in words, clauses parted by semicolons; see ``DamageRule``.
    let must: String?

    var isOptional: Bool { optional ?? false }

    /// The sizes of a vision transformer or a residual network; each has its own fields, so all are optional.
    struct Configuration: Decodable {
        let embed_dim: Int?
        let depth: Int?
        let num_heads: Int?
        let img_size: Int?
        let patch_size: Int?
        let mlp_ratio: Double?
        let ln_eps: Float?
        let qkv_bias: Bool?
        let layers: [Int]?
        let planes: [Int]?
        let groups: Int?
        let width_per_group: Int?
        let expansion: Int?
        let stem: Int?
        let bn_eps: Float?
        let vocab_size: Int?
        let block_size: Int?
        let n_layer: Int?
        let n_head: Int?
        let n_embd: Int?
    }

    struct GridOptions: Decodable {
        let nrow: Int
        let padding: Int
        let normalize: Bool
        let scale_each: Bool
    }

    struct Load: Decodable {
        let select: String?
        let strip: [String]?
    }

    struct Inputs: Decodable {
        struct Array: Decodable {
            let file: String
            let shape: [Int]
        }

        let image: Array?
        let codes: Array?
        let first_tokens: Array?
        let idx: Array?
        let logits: Array?
        let prompt: Array?
        let targets: Array?
        let tensor: Array?
        let uniforms: Array?
        /// A picture file.
        let file: String?
    }

    struct Output: Decodable {
        let file: String
        let shape: [Int]
        let compare: String
        let rtol: Double?
        let atol: Double?
        let max_diff: Int?
        let mean_diff: Double?
    }

    /// Some cases name a file for people beside their outputs; it is not compared.
    private struct OutputOrFile: Decodable {
        let output: Output?

        init(from decoder: any Decoder) throws {
            if (try? decoder.singleValueContainer().decode(String.self)) != nil {
                output = nil
            } else {
                output = try Output(from: decoder)
            }
        }
    }

    // Some kinds give these fields another form; such a case is of a kind that is not run here.
    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        id = try values.decode(String.self, forKey: .id)
        kind = try values.decode(String.self, forKey: .kind)
        arch = try? values.decodeIfPresent(String.self, forKey: .arch)
        optional = try? values.decodeIfPresent(Bool.self, forKey: .optional)
        config = try? values.decodeIfPresent(Configuration.self, forKey: .config)
        config_file = try? values.decodeIfPresent(String.self, forKey: .config_file)
        steps = try? values.decodeIfPresent(Int.self, forKey: .steps)
        temperature = try? values.decodeIfPresent(Double.self, forKey: .temperature)
        top_k = try? values.decodeIfPresent(Int.self, forKey: .top_k)
        options = try? values.decodeIfPresent(GridOptions.self, forKey: .options)
        checkpoints = try? values.decodeIfPresent([String].self, forKey: .checkpoints)
        load = try? values.decodeIfPresent(Load.self, forKey: .load)
        inputs = try? values.decodeIfPresent(Inputs.self, forKey: .inputs)
        pipeline = try? values.decodeIfPresent([String].self, forKey: .pipeline)
        mean = try? values.decodeIfPresent([Float].self, forKey: .mean)
        std = try? values.decodeIfPresent([Float].self, forKey: .std)
        outputs = (try? values.decodeIfPresent([String: OutputOrFile].self, forKey: .outputs))?
            .compactMapValues(\.output)
        expect = try? values.decodeIfPresent(String.self, forKey: .expect)
        must = try? values.decodeIfPresent(String.self, forKey: .must)
    }

    private enum CodingKeys: CodingKey {
        case id, kind, arch, optional, config, config_file, checkpoints, load, inputs, pipeline, mean, std, outputs
        case expect, must, steps, temperature, top_k, options
    }
}

/// A fixture that cannot be run as it stands.
public struct FixtureError: Error, Sendable, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}
