// SPDX-License-Identifier: MIT
internal import BeastCore

extension FixtureRunner {
    /// Outputs are `stem`, `layer1` to `layer4` (channels-first in the files) and `pooled`.
    func compareResNeXt(_ fixture: FixtureCase, _ comparison: inout FixtureComparison) throws {
        guard let input = fixture.inputs?.image else { throw FixtureError("the manifest gives no input picture") }
        for checkpoint in fixture.checkpoints ?? [] {
            let model = try ResNeXt(
                try fixture.resNeXtConfiguration(), weights: try weights(checkpoint, fixture), session: session)
            let pictures = try channelsLast(input)
            for (name, output) in try fixture.sortedOutputs() {
                let result: Tensor
                if name == "pooled" {
                    result = try model(pictures)
                } else if let layer = ResNeXt.Layer(name), let map = try model.maps([layer], pictures).first {
                    result = map.permuted(0, 3, 1, 2)
                } else {
                    throw FixtureError("unknown output '\(name)'")
                }
                try comparison.compare(
                    "\(checkpoint) \(name)", try session.download(result), shape: Array(result.shape), with: output)
            }
        }
    }
}

extension FixtureCase {
    func resNeXtConfiguration() throws -> ResNeXt.Configuration {
        guard let config, let blockCounts = config.layers, let planes = config.planes, let groups = config.groups,
            let groupWidth = config.width_per_group, let expansion = config.expansion, let stemWidth = config.stem,
            let epsilon = config.bn_eps
        else { throw FixtureError("the manifest does not give the sizes of a residual network") }
        return ResNeXt.Configuration(
            blockCounts: blockCounts, planes: planes, groups: groups, groupWidth: groupWidth, expansion: expansion,
            stemWidth: stemWidth, epsilon: epsilon)
    }
}
