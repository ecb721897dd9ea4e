// SPDX-License-Identifier: MIT
import BeastConfigurations
import BeastCore
import Foundation
import Testing

@Suite struct VQGANConfigurationTests {
    @Test("The configuration of the published 32 x 32 models is read in full")
    func published() throws {
        let configuration = try read(Self.published)
        #expect(configuration == VQGANConfiguration())
        #expect(configuration.downsampling == 8)
    }

    @Test("Lists in brackets, comments, quotes and keys of training are read as YAML has them")
    func otherSpellings() throws {
        let text = Self.published
            .replacing(
                "ch_mult:\n      - 1\n      - 1\n      - 2\n      - 4", with: "ch_mult: [1, 1, 2, 2, 4] # five * levels"
            )
            .replacing("attn_resolutions:\n      - 32", with: "attn_resolutions: [16]")
            .replacing("target: vqmodel.VQModel", with: "target: \"taming.models.vqgan.GumbelVQ\"\n  # a * b & c")
            .replacing("dropout: 0.0", with: "dropout: 1e-1").replacing("n_embed: 8192", with: "n_embed: 16384")
            .replacing("monitor: val/rec_loss", with: "remap: null\n    kl_weight: 5.0e-4")
        let expected = VQGANConfiguration(
            quantizer: .gumbel, codeCount: 16384, channelMultipliers: [1, 1, 2, 2, 4], attentionResolutions: [16],
            dropout: 0.1)
        #expect(try read(text) == expected)
    }

    @Test(
        "A wrong value is refused by its key",
        arguments: [
            ("n_embed: 8192", "n_embed: abc64", "model.params.n_embed is 'abc64', a whole number is needed"),
            ("n_embed: 8192", "n_embed: '8192'", "model.params.n_embed is '8192', a whole number is needed"),
            ("n_embed: 8192", "n_embed: 0x20", "model.params.n_embed is '0x20', a whole number is needed"),
            ("n_embed: 8192", "n_embed: 020", "model.params.n_embed is '020', a whole number is needed"),
            ("n_embed: 8192", "n_embed: --5", "model.params.n_embed is '--5', a whole number is needed"),
            ("n_embed: 8192", "n_embed: 99999999999999999999", "model.params.n_embed is '99999999999999999999'"),
            (
                "n_embed: 8192", "n_embed: !!python/object/apply:os.system x",
                "model.params.n_embed is a value with the tag"
            ),
            ("n_embed: 8192", "n_embed:", "model.params.n_embed is empty, a whole number is needed"),
            ("n_embed: 8192", "n_embed: [8192]", "model.params.n_embed is a list, a whole number is needed"),
            ("n_embed: 8192", "n_embed: 999999999964", "n_embed is 999999999964, allowed are 1 to 1048576"),
            ("n_embed: 8192", "n_embed: 1048577", "n_embed is 1048577, allowed are 1 to 1048576"),
            ("n_embed: 8192\n    ", "", "model.params.n_embed is missing"),
            ("embed_dim: 256", "embed_dim: 0", "embed_dim is 0, allowed are 1 to 8192"),
            ("embed_dim: 256", "embed_dim: 8192", nil),
            ("z_channels: 256", "z_channels: 1.5", "model.params.ddconfig.z_channels is '1.5'"),
            ("resolution: 256", "resolution: 250", "resolution is 250, it must be a multiple of 8"),
            ("in_channels: 3", "in_channels: 65", "in_channels is 65"),
            ("out_ch: 3", "out_ch: -1", "out_ch is -1"),
            ("ch: 128", "ch: -32", "ch is -32, allowed are 1 to 4096"),
            ("ch: 128", "ch: 100", "ch is 100, it must be a multiple of the 32 norm groups"),
            ("num_res_blocks: 2", "num_res_blocks: 33", "num_res_blocks is 33"),
            ("      - 4\n", "      - 65\n", "an entry of ch_mult is 65"),
            ("      - 4\n", "      - four\n", "model.params.ddconfig.ch_mult[3] is 'four'"),
            (
                "      - 4\n", "      - 4\n      - 1\n      - 1\n      - 1\n      - 1\n      - 1\n",
                "ch_mult has 9 entries"
            ),
            ("      - 32\n", "      - 0\n", "an entry of attn_resolutions is 0"),
            ("double_z: false", "double_z: true", "double_z is true"),
            ("double_z: false", "double_z: no", "model.params.ddconfig.double_z is 'no', true or false is needed"),
            ("dropout: 0.0", "dropout: 1.0", "dropout is 1.0"),
            ("dropout: 0.0", "dropout: nan", "model.params.ddconfig.dropout is 'nan', a number is needed"),
            (
                "dropout: 0.0", "dropout: 0.0\n      attn_type: linear",
                "model.params.ddconfig.attn_type is not known here"
            ),
            ("monitor: val/rec_loss", "remap: used.npy", "model.params.remap is set"),
            ("vqmodel.VQModel", "os.system", "model.target is 'os.system', known are"),
            ("ddconfig:", "other:", "model.params.ddconfig is missing"),
            ("  params:\n", "  params: 1\n  x:\n", "model.params is '1', keys with values are needed"),
            ("model:", "models:", "model is missing"),
            ("n_embed: 8192", "n_embed: 8192\n    n_embed: 64", "the key 'n_embed' occurs more than once"),
        ] as [(String, String, String?)])
    func wrongValue(old: String, new: String, message: String?) throws {
        let text = Self.published.replacing(old, with: new, maxReplacements: 1)
        try #require(text != Self.published)
        guard let message else {
            #expect(try read(text.replacing("n_embed: 8192", with: "n_embed: 32768")).codeCount == 32768)
            return
        }
        let error = try refusal(text)
        #expect(error.description.hasPrefix(error.path + ": "))
        #expect(error.message.contains(message), "\(error)")
        #expect(!error.description.contains("\n"))
    }

    @Test(
        "What is no plain YAML text is refused before it costs anything",
        arguments: [
            ("", "the file is empty"), ("# nothing\n", "holds no YAML document"),
            ("model\n", "the top level is 'model'"),
            ("a: 1\n---\nb: 2\n", "another document"), ("model:\n\ttarget: x\n", "line 2"),
            ("a: &a [x]\nb: *a\n", "line 1 holds an anchor (&)"), ("# a\nb: *a\n", "line 2 holds an alias (*)"),
            ("{\"a\":*a}", "line 1 holds an alias (*)"), ("[*a]", "line 1 holds an alias (*)"),
            ("? &é x\n: y\n", "line 1 holds an anchor (&)"), ("a: \"x\n# \", b: *a", "line 2 holds an alias (*)"),
            (String(repeating: "[", count: 100_000), "nested too deeply at line 1"),
            (String(repeating: "- ", count: 5000) + "x", "nested too deeply at line 1"),
            (
                (0..<500).map { String(repeating: " ", count: $0) + "a:" }.joined(separator: "\n"),
                "nested too deeply at line 66"
            ),
            (String(repeating: "a,", count: 400_000), "has more than 20000 values"),
            (String(repeating: "a", count: 1_048_577), "has 1048577 bytes"),
        ])
    func notYAML(text: String, message: String) throws {
        let error = try refusal(text)
        #expect(error.message.contains(message), "\(error)")
        #expect(!error.description.contains("\n"))
    }

    @Test("A codebook too large for its two sizes together is refused")
    func codebookProduct() throws {
        let text = Self.published.replacing("n_embed: 8192", with: "n_embed: 1048576")
        #expect(try read(text).codeCount == 1_048_576)
        let error = try refusal(text.replacing("embed_dim: 256", with: "embed_dim: 257"))
        #expect(error.message.contains("n_embed x embed_dim is 1048576 x 257"), "\(error)")
    }

    @Test("Text within words and free-standing marks are no anchors and aliases")
    func noAlias() throws {
        let text = Self.published.replacing("monitor: val/rec_loss", with: "monitor: a*b&c # 2 * 3 & 4")
        #expect(try read(text) == VQGANConfiguration())
    }

    @Test(
        "Damage anywhere in the text ends in a configuration that is valid or in one line",
        arguments: [1, 2, 3] as [UInt64])
    func mutations(seed: UInt64) throws {
        var state = seed
        func draw(_ count: Int) -> Int {
            // Knuth's linear congruential generator; its high bits are the good ones.
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % count
        }
        let pieces = [
            "[", "]", "{", "}", "- ", "? ", ": ", ",", "\n", "'", "\"", "!", "!!map ", "|", ">", "#", "%YAML 1.1\n",
            "---\n",
            "...\n", "\\x00", "\0", "<<: ", "\u{85}", "\u{FEFF}", "é", "@", "`", "~", "\t", "  ",
        ].map { Array($0.utf8) }
        let original = Array(Self.published.utf8)
        var refused = 0
        for _ in 0..<250 {
            var bytes = original
            for _ in 0...draw(4) {
                let start = draw(bytes.count)
                let removed = start..<min(bytes.count, start + draw(3) * draw(20))
                bytes.replaceSubrange(removed, with: draw(20) == 0 ? [UInt8(draw(256))] : pieces[draw(pieces.count)])
            }
            do {
                let configuration = try withFile(Data(bytes)) { try VQGANConfiguration(contentsOfFile: $0) }
                try configuration.validate()
            } catch let error as ConfigurationError {
                let isOneLine = !error.description.contains { $0.isNewline }
                #expect(isOneLine)
                refused += 1
            }
        }
        #expect(refused > 75 && refused < 250)
    }

    @Test("Bytes that are no UTF-8, a folder and an absent file are refused by name")
    func notAFile() throws {
        let folder = FileManager.default.temporaryDirectory.path
        #expect(throws: ConfigurationError.self) { try VQGANConfiguration(contentsOfFile: folder) }
        let absent = folder + "/beasts-\(UUID()).yaml"
        let error = #expect(throws: ConfigurationError.self) { try VQGANConfiguration(contentsOfFile: absent) }
        #expect(error?.description == "\(absent): cannot be opened: No such file or directory")
        let binary = #expect(throws: ConfigurationError.self) {
            try withFile(Data([0x61, 0xFF, 0xFE])) { try VQGANConfiguration(contentsOfFile: $0) }
        }
        #expect(binary?.message == "is not UTF-8 text, so it is no configuration")
    }

    @Test("The golden configurations are read right", .enabled(if: Fixtures.arePresent, "no fixtures"))
    func golden() throws {
        let cases = try Fixtures.cases().filter { ($0["kind"] as? String)?.hasPrefix("vqgan") == true }
        try #require(!cases.isEmpty)
        for fixture in cases {
            let file = try #require(fixture["config_file"] as? String)
            let expected = try #require(fixture["config"] as? [String: Any])
            let network = try #require(expected["ddconfig"] as? [String: Any])
            let configuration = try VQGANConfiguration(contentsOfFile: Fixtures.path(file))
            #expect(configuration.codeCount == expected["n_embed"] as? Int, "\(file)")
            #expect(configuration.codeWidth == expected["embed_dim"] as? Int, "\(file)")
            #expect(configuration.latentChannels == network["z_channels"] as? Int, "\(file)")
            #expect(configuration.resolution == network["resolution"] as? Int, "\(file)")
            #expect(configuration.baseChannels == network["ch"] as? Int, "\(file)")
            #expect(configuration.channelMultipliers == network["ch_mult"] as? [Int], "\(file)")
            #expect(configuration.blocksPerLevel == network["num_res_blocks"] as? Int, "\(file)")
            #expect(configuration.attentionResolutions == network["attn_resolutions"] as? [Int], "\(file)")
            #expect(configuration.inputChannels == 3 && configuration.outputChannels == 3, "\(file)")
        }
    }

    @Test("Every damaged configuration of the fixtures is refused", .enabled(if: Fixtures.arePresent, "no fixtures"))
    func damaged() throws {
        let cases = try Fixtures.cases().filter { $0["kind"] as? String == "bad_vqgan_yaml" }
        try #require(!cases.isEmpty)
        for fixture in cases {
            let file = try #require((fixture["inputs"] as? [String: String])?["file"])
            let path = Fixtures.path(file)
            let error = #expect(throws: ConfigurationError.self, "\(file)") {
                try VQGANConfiguration(contentsOfFile: path)
            }
            #expect(error?.description.hasPrefix(path + ": ") == true, "\(file)")
        }
    }

    private static let published = """
        model:
          base_learning_rate: 4.5e-06
          target: vqmodel.VQModel
          params:
            embed_dim: 256
            n_embed: 8192
            monitor: val/rec_loss
            ddconfig:
              double_z: false
              z_channels: 256
              resolution: 256
              in_channels: 3
              out_ch: 3
              ch: 128
              ch_mult:
              - 1
              - 1
              - 2
              - 4
              num_res_blocks: 2
              attn_resolutions:
              - 32
              dropout: 0.0
            lossconfig:
              target: vqloss.VQLPIPSWithDiscriminator
              params:
                disc_start: 100001

        """

    private func read(_ text: String) throws -> VQGANConfiguration {
        try withFile(Data(text.utf8)) { try VQGANConfiguration(contentsOfFile: $0) }
    }

    private func refusal(_ text: String) throws -> ConfigurationError {
        try #require(throws: ConfigurationError.self) { try read(text) }
    }

    private func withFile<Result>(_ data: Data, _ body: (String) throws -> Result) throws -> Result {
        let file = FileManager.default.temporaryDirectory.appending(path: "beasts-\(UUID()).yaml")
        try data.write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        return try body(file.path)
    }
}

/// The golden fixtures, where they are present: the folder that BEASTS_FIXTURES names, or `shared/fixtures` beside the
/// repository.
private enum Fixtures {
    static let folder: URL = {
        if let named = ProcessInfo.processInfo.environment["BEASTS_FIXTURES"] { return URL(fileURLWithPath: named) }
        return URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().appending(path: "shared/fixtures")
    }()

    static let arePresent = FileManager.default.fileExists(atPath: path("manifest.json"))

    static func path(_ name: String) -> String { folder.appending(path: name).path }

    static func cases() throws -> [[String: Any]] {
        let data = try Data(contentsOf: folder.appending(path: "manifest.json"))
        let manifest = try JSONSerialization.jsonObject(with: data) as? [String: Any]
        return manifest?["cases"] as? [[String: Any]] ?? []
    }
}
