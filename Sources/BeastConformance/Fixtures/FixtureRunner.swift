// SPDX-License-Identifier: MIT
public import BeastCore

/// Runs a folder of golden fixtures through a backend, case by case, each checkpoint alone.
///
/// The folder holds a `manifest.json`; arrays are `.npy`, pictures and checkpoints lie as the manifest names them.
public struct FixtureRunner {
    let folder: String
    let session: Session

    /// - Parameters:
    ///   - folder: the folder that holds `manifest.json`.
    ///   - session: what the models compute with.
    public init(folder: String, session: Session) {
        self.folder = folder
        self.session = session
    }

    /// Runs every case.
    /// - Parameter progress: called with the identifier of each case before it starts.
    /// - Throws: ``FixtureError`` when there is no manifest; what goes wrong within a case is that case's failure.
    public func run(filter: String? = nil, progress: (String) -> Void = { _ in }) throws -> FixtureReport {
        let manifest = try FixtureManifest(folder: folder)
        var report = FixtureReport()
        for fixture in manifest.cases {
            guard fixture.isMeant(by: filter) else { continue }
            progress(fixture.id)
            report.entries.append(run(fixture, in: manifest))
        }
        return report
    }

    func run(_ fixture: FixtureCase, in manifest: FixtureManifest) -> FixtureReport.Entry {
        func entry(_ status: CaseStatus, _ detail: String, _ comparison: FixtureComparison? = nil)
            -> FixtureReport.Entry
        {
            fixture.entry(
                status, detail, worstRatio: comparison?.worstRatio ?? 0, isIdentical: comparison?.isIdentical)
        }
        var comparison = FixtureComparison(folder: folder)
        do {
            guard try compare(fixture, manifest, &comparison) else {
                return entry(.notSupportedYet, fixture.arch.map { "\(fixture.kind) of \($0)" } ?? fixture.kind)
            }
        } catch {
            return entry(.failed, "\(error)", comparison)
        }
        guard comparison.failures.isEmpty else {
            return entry(.failed, comparison.failures.joined(separator: "; "), comparison)
        }
        guard comparison.comparedCount > 0 else { return entry(.failed, "nothing was compared", comparison) }
        let error = comparison.worstRatio > 0 ? ", error \(percent(comparison.worstRatio)) of what is allowed" : ""
        let identical = comparison.isIdentical == true ? ", bit-identical" : ""
        let detail = comparison.remark ?? "\(comparison.comparedCount) outputs"
        return entry(.passed, "\(detail)\(error)\(identical)", comparison)
    }

    /// - Returns: false for a kind that is not run here.
    private func compare(_ fixture: FixtureCase, _ manifest: FixtureManifest, _ comparison: inout FixtureComparison)
        throws -> Bool
    {
        switch (fixture.kind, fixture.arch) {
        case ("vit", "dino_vit"), ("vit", "mugs_vit"), ("vit", "mae_vit"), ("vit_attention", "mae_vit"):
            try compareTransformer(fixture, &comparison)
        case ("pos_embed_runtime", "dino_vit"): try comparePositions(fixture, manifest, &comparison)
        case ("resnext", "resnext"): try compareResNeXt(fixture, &comparison)
        case ("vqgan", _), ("vqgan_decode", _): try compareTokenizer(fixture, &comparison)
        case ("gpt_logits", _): try compareLogits(fixture, &comparison)
        case ("gpt_loss", _): try compareLoss(fixture, &comparison)
        case ("gpt_greedy", _), ("gpt_sample", _), ("gpt_vqgan_free", _): try compareSampling(fixture, &comparison)
        case ("topk_filter", _): try compareFilter(fixture, &comparison)
        case ("save_image", _): try compareGrid(fixture, &comparison)
        case ("image_decode", _): try compareDecoding(fixture, &comparison)
        case ("image_preprocess", _): try comparePreprocessing(fixture, &comparison)
        case ("image_resize", _): try compareResizing(fixture, &comparison)
        case ("image_center_crop", _): try compareCropping(fixture, &comparison)
        case ("bad_checkpoint", "dino_vit"), ("bad_image", _), ("bad_npy", _), ("bad_vqgan_yaml", _):
            try compareDamaged(fixture, manifest, &comparison)
        default: return false
        }
        return true
    }
}

extension FixtureCase {
    /// What becomes of an optional case is said and does not count.
    func entry(_ status: CaseStatus, _ detail: String, worstRatio: Double = 0, isIdentical: Bool? = nil)
        -> FixtureReport.Entry
    {
        let isApart = isOptional && status != .notSupportedYet && status != .optional
        return FixtureReport.Entry(
            id: id, status: isApart ? .optional : status, detail: isApart ? "\(status.rawValue): \(detail)" : detail,
            worstRatio: worstRatio, isIdentical: isIdentical)
    }

    /// The outputs by name, in a fixed order.
    func sortedOutputs() throws -> [(name: String, output: Output)] {
        guard let outputs else { throw FixtureError("the manifest gives no outputs") }
        return outputs.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
}
