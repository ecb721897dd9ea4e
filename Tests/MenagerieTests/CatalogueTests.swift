// SPDX-License-Identifier: MIT
import BeastCore
import BeastMedia
import Menagerie
import Testing

@Suite struct CatalogueTests {
    @Test("The catalogue holds the 51 published models and the built-in ones, each once")
    func names() {
        let names = Catalogue.models.map(\.name)
        #expect(Set(names).count == names.count)
        #expect(Catalogue.models.count { !$0.isBuiltIn } == 51)
        #expect(Catalogue.models.count { $0.algorithm == "dino" && !$0.isBuiltIn } == 27)
        #expect(Catalogue.models.count { $0.algorithm == "mugs" } == 12)
        #expect(Catalogue.models.count { $0.algorithm == "mae" && !$0.isBuiltIn } == 12)
        #expect(Catalogue.models.count { $0.architecture == "resnext50" } == 5)
        #expect(Catalogue.models.filter(\.isBuiltIn).map(\.name) == [Catalogue.defaultName, "cub_mae_vitt8"])
        #expect(names.contains("dino_kinetics-200h_vitb14"))
        #expect(names.contains("dino_sfp_resnext50"))
        #expect(Catalogue.models.allSatisfy { ($0.masked != nil) == ($0.algorithm == "mae") })
        #expect(Catalogue.models.allSatisfy { $0.dataDescription != $0.dataSet })
    }

    @Test(
        "Older spellings of data sets are understood",
        arguments: [
            ("dino_imagenet_100_vitb14", "dino_imagenet100_vitb14"),
            ("dino_imagenet_10_vitb14", "dino_imagenet10_vitb14"),
            ("dino_imagenet_1_vitb14", "dino_imagenet1_vitb14"), ("dino_imagenet_3_vitb14", "dino_imagenet3_vitb14"),
        ])
    func aliases(old: String, canonical: String) throws {
        #expect(try Catalogue.model(named: old).name == canonical)
        #expect(try Catalogue.model(named: canonical).name == canonical)
    }

    @Test("A withdrawn model is found and says so, and is not listed")
    func retired() throws {
        let card = try Catalogue.model(named: "dino_imagenet3_vitb14")
        #expect(card.isRetired)
        #expect(!Catalogue.models.contains { $0.name == card.name })
        #expect(!Catalogue.models.contains { $0.isRetired })
        #expect(card.weights == .hub(repository: "eminorhan/dino_imagenet3_vitb14", file: "dino_imagenet3_vitb14.pth"))
    }

    @Test("Models are found by how they were made")
    func filters() throws {
        #expect(
            try Catalogue.models(algorithm: "mae", dataSet: "s").map(\.name) == [
                "mae_s_vitl16", "mae_s_vitb16", "mae_s_vits16",
            ])
        #expect(try Catalogue.models(dataSet: "imagenet_100").map(\.name) == ["dino_imagenet100_vitb14"])
        #expect(try Catalogue.models(architecture: "resnext50").count == 5)
        #expect(try Catalogue.models(algorithm: "mugs", architecture: "resnext50").isEmpty)
        #expect(try Catalogue.models().count == Catalogue.models.count)
        let error = #expect(throws: MenagerieError.self) { try Catalogue.models(architecture: "vitb15") }
        #expect(error?.description.contains("there is no architecture 'vitb15'; there are vitb14, resnext50") == true)
    }

    /// The counts that the upstream training logs and listings give.
    @Test(
        "Parameter counts are those of the published architectures",
        arguments: [
            ("dino_s_vits16", 21_665_664), ("dino_say_vitb16", 85_798_656), ("dino_imagenet100_vitb14", 85_706_496),
            ("mugs_y_vitl16", 303_301_632), ("dino_a_resnext50", 22_979_904), ("cub_dino_vitt8", 2_719_296),
        ])
    func parameterCounts(name: String, count: Int) throws {
        #expect(try Catalogue.model(named: name).parameterCount == count)
    }

    @Test("Tensor names and shapes are unique and complete")
    func tensors() throws {
        let tensors = try Catalogue.model(named: "dino_s_vitb14").network.tensors
        #expect(tensors.count == 150)
        #expect(Set(tensors.map(\.name)).count == 150)
        #expect(tensors.first { $0.name == "pos_embed" }?.shape == [1, 257, 768])
        #expect(tensors.first { $0.name == "blocks.11.attn.qkv.weight" }?.shape == [2304, 768])
    }

    @Test("A published model is found at its hub location")
    func hubLocation() throws {
        let card = try Catalogue.model(named: "mugs_a_vitl16")
        #expect(card.weights == .hub(repository: "eminorhan/mugs_a_vitl16", file: "mugs_a_vitl16.pth"))
        #expect(card.licence == "MIT")
        #expect(card.preprocessing == .evaluation(size: 224))
    }

    @Test(
        "An unknown name says why there is no such model and offers the nearest ones",
        arguments: [
            (
                "dino_s_vitb15",
                "there is no model 'dino_s_vitb15': no architecture is called 'vitb15' (vitb14, resnext50, vitl16, "
                    + "vitb16, vits16, vitt8); did you mean dino_s_vitb14, "
            ),
            (
                "mae_s_vitb14",
                "there is no model 'mae_s_vitb14': mae was trained for vitl16, vitb16, vits16 only; did you mean mae_s_"
            ),
            (
                "dino_imagenet_10_vitl16",
                "there is no model 'dino_imagenet_10_vitl16': dino vitl16 was trained on say, s, a, y only; "
                    + "did you mean dino_imagenet10_vitb14, "
            ),
            (
                "mugs_s_resnext50",
                "there is no model 'mugs_s_resnext50': mugs was trained for vitl16, vitb16, vits16 only; did you mean mugs_s_"
            ),
            ("dinoo_s_vitb14", "there is no model 'dinoo_s_vitb14': no algorithm is called 'dinoo' (dino, mugs, mae)"),
            ("dinos_vitb14", "there is no model 'dinos_vitb14'; did you mean dino_s_vitb14"),
            ("resnet", "there is no model 'resnet' (beasts list shows all 53)"),
        ])
    func unknownName(name: String, message: String) {
        let error = #expect(throws: MenagerieError.self) { try Catalogue.model(named: name) }
        #expect(error?.description.hasPrefix(message) == true, "\(String(describing: error))")
        #expect(error?.code == .usage)
    }

    @Test("Requests are held against what a model has")
    func requests() throws {
        let transformer = try Catalogue.model(named: "dino_s_vits16").network
        let residual = try Catalogue.model(named: "dino_s_resnext50").network
        #expect(try transformer.requests(layers: [], token: nil, ofModel: "m") == [.init(layer: "norm", token: .cls)])
        #expect(try residual.requests(layers: [], token: nil, ofModel: "m") == [.init(layer: "layer4", token: .mean)])
        #expect(
            try residual.requests(layers: ["stem", "layer2.1"], token: .patch, ofModel: "m") == [
                .init(layer: "stem", token: .patch), .init(layer: "layer2.1", token: .patch),
            ])
        for (network, layers, token) in [
            (transformer, ["blocks.12"], nil), (transformer, ["layer4"], nil), (transformer, [""], nil),
            (transformer, ["norm", "norm"], nil), (residual, ["norm"], nil), (residual, [], FeatureRequest.Token.cls),
            (residual, ["layer4.3"], nil),
        ] {
            let error = #expect(throws: MenagerieError.self) {
                try network.requests(layers: layers, token: token, ofModel: "m")
            }
            #expect(error?.code == .usage)
        }
    }

    @Test("Layer names are read back as they are written")
    func layers() throws {
        let layers = try Catalogue.model(named: "dino_s_vits16").network.layers
        #expect(layers.count == 25)
        #expect(layers.allSatisfy { $0.shape == [197, 384] })
        for layer in layers { #expect(VisionTransformer.Layer(layer.name)?.name == layer.name) }
        for name in [
            "", "block.1", "blocks", "blocks.", "blocks.-1", "blocks.01", "blocks.1.", "blocks.1.norm.x", "Norm",
        ] {
            #expect(VisionTransformer.Layer(name) == nil, "\(name)")
        }
    }
}
