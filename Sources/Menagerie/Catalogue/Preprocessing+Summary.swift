// SPDX-License-Identifier: MIT
public import BeastMedia

extension Preprocessing {
    /// One line for people.
    public var summary: String {
        let crop = cropSize.map { ", centre \($0) x \($0)" } ?? ""
        return
            "RGB, short side to \(shortSide) (\(filter.rawValue))\(crop), /255, minus \(mean), over \(standardDeviation)"
    }
}
