// SPDX-License-Identifier: MIT
import BeastCore
import BeastMedia
import Menagerie
import Testing

@Suite struct CatalogueTests {
    @Test("The catalogue holds the published DINO, Mugs and MAE vision transformers and the built-in model, each once")
    func names() {
        let names = Catalogue.models.map(\.name)
        #expect(Set(names).count == names.count)
        #expect(Catalogue.models.count { $0.algorithm == "dino" && !$0.isBuiltIn } == 22)
        #expect(Catalogue.models.count { $0.algorithm == "mugs" } == 12)
        #expect(Catalogue.models.count { $0.algorithm == "mae" } == 12)
        #expect(Catalogue.models.filter(\.isBuiltIn).map(\.name) == [Catalogue.defaultName])
        #expect(names.contains("dino_kinetics-200h_vitb14"))
    }

    /// The counts that the upstream training logs and listings give.
    @Test(
        "Parameter counts are those of the published architectures",
        arguments: [
            ("dino_s_vits16", 21_665_664), ("dino_say_vitb16", 85_798_656), ("dino_imagenet100_vitb14", 85_706_496),
            ("mugs_y_vitl16", 303_301_632), ("cub_dino_vitt8", 2_719_296),
        ])
    func parameterCounts(name: String, count: Int) throws {
        #expect(try Catalogue.model(named: name).parameterCount == count)
    }

    @Test("Tensor names and shapes are unique and complete")
    func tensors() throws {
        let configuration = try Catalogue.model(named: "dino_s_vitb14").configuration
        let tensors = VisionTransformer.tensors(of: configuration)
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

    @Test("An unknown name offers the nearest ones")
    func unknownName() {
        let error = #expect(throws: MenagerieError.self) { try Catalogue.model(named: "dino_s_vitb15") }
        #expect(error?.description.hasPrefix("there is no model 'dino_s_vitb15'; did you mean dino_s_vitb1") == true)
        let other = #expect(throws: MenagerieError.self) { try Catalogue.model(named: "resnet") }
        #expect(other?.description == "there is no model 'resnet' (beasts list shows all 47)")
    }

    @Test("Layer names are read back as they are written")
    func layers() throws {
        let configuration = try Catalogue.model(named: "dino_s_vits16").configuration
        let layers = VisionTransformer.layers(of: configuration)
        #expect(layers.count == 25)
        for layer in layers { #expect(VisionTransformer.Layer(layer.name) == layer) }
        for name in [
            "", "block.1", "blocks", "blocks.", "blocks.-1", "blocks.01", "blocks.1.", "blocks.1.norm.x", "Norm",
        ] {
            #expect(VisionTransformer.Layer(name) == nil, "\(name)")
        }
    }
}
