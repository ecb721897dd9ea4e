// SPDX-License-Identifier: MIT

/// Facts about the framework itself.
public enum BeastCore {
    /// The version of this build, by semantic versioning.
    public static let version = "0.1.0"
}
