// SPDX-License-Identifier: MIT
import Foundation
import Menagerie
import Testing

@Suite struct ListingTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func json(_ arguments: [String]) throws -> Any {
        let outcome = try Program.built.run(arguments + ["--json"], in: folder)
        outcome.expectSuccess()
        return try JSONSerialization.jsonObject(with: Data(outcome.output.utf8))
    }

    @Test func `All models are listed, for people and as JSON`() throws {
        let names = Catalogue.models.map(\.name) + Catalogue.generators.map(\.name)
        let lines = try Program.built.run(["list"], in: folder).output.split(separator: "\n")
        #expect(lines.dropFirst().map { String($0.prefix { $0 != " " }) } == names)
        #expect((try json(["list"]) as? [[String: Any]])?.map { $0["name"] as? String } == names)
    }

    @Test func `Every model is shown, for people and as JSON`() throws {
        for card in Catalogue.models {
            let text = try Program.built.run(["show", card.name], in: folder)
            text.expectSuccess()
            #expect(text.output.hasPrefix("\(card.name): "))
            let report = try json(["show", card.name]) as? [String: Any]
            #expect((report?["model"] as? [String: Any])?["parameters"] as? Int == card.parameterCount)
            let layers = report?["layers"] as? [[String: Any]]
            #expect(layers?.last?["name"] as? String == (card.architecture == "resnext50" ? "layer4" : "norm"))
            #expect(layers?.allSatisfy { text.output.contains("\n  \($0["name"] ?? "") ") } == true)
            #expect((report?["tensors"] as? [[String: Any]])?.isEmpty == false)
        }
    }

    @Test func `Models are listed by algorithm, data and architecture`() throws {
        func names(_ arguments: [String]) throws -> [String] {
            (try json(["list"] + arguments) as? [[String: Any]])?.compactMap { $0["name"] as? String } ?? []
        }
        #expect(try names(["--architecture", "resnext50", "--data", "sfp"]) == ["dino_sfp_resnext50"])
        #expect(try names(["--algorithm", "mae"]).count == 13)
        for arguments in [["--data", "s5"], ["--algorithm", "mugs", "--architecture", "resnext50"]] {
            let outcome = try Program.built.run(["list"] + arguments, in: folder)
            outcome.expectFailure(64)
        }
    }

    @Test func `A withdrawn model is shown as one`() throws {
        let outcome = try Program.built.run(["show", "dino_imagenet_3_vitb14"], in: folder)
        outcome.expectSuccess()
        #expect(outcome.output.hasPrefix("dino_imagenet3_vitb14: ") && outcome.output.contains("\nretired "))
    }

    @Test func `Help and version are results`() throws {
        for arguments in [["--help"], [], ["help"]] {
            let outcome = try Program.built.run(arguments, in: folder)
            outcome.expectSuccess()
            #expect(outcome.errors == "" && outcome.output.contains("SUBCOMMANDS"))
        }
        for command in ["embed", "complete", "neighbours", "list", "show", "inspect", "backends", "conformance"] {
            let help = try Program.built.run(["help", command], in: folder)
            help.expectSuccess()
            #expect(help.errors == "" && help.output.contains("USAGE: beasts \(command)"))
            #expect(try Program.built.run([command, "--help"], in: folder).output == help.output)
        }
        let version = try Program.built.run(["--version"], in: folder)
        version.expectSuccess()
        #expect(version.output.wholeMatch(of: /beasts \d+\.\d+\.\d+\n/) != nil)
    }

    @Test(arguments: ["bash", "zsh", "fish"])
    func `Completion scripts are made, and shells that are here can read them`(shell: String) throws {
        let outcome = try Program.built.run(["--generate-completion-script", shell], in: folder)
        outcome.expectSuccess()
        #expect(outcome.output.contains("neighbours"))
        try folder.write(outcome.output, to: "script")
        let path = "/usr/bin/" + shell
        guard FileManager.default.isExecutableFile(atPath: path) else { return }
        try Program(path: path).run(["-n", "script"], in: folder).expectSuccess()
    }
}
