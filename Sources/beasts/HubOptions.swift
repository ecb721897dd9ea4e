// SPDX-License-Identifier: MIT
import ArgumentParser
import Menagerie

/// What a command may do to have weights that are not here.
struct HubOptions: ParsableArguments {
    @Flag(name: .long, help: "Download nothing: weights must be in the cache (as HF_HUB_OFFLINE=1).")
    var offline = false

    /// Access that shows what is downloaded.
    func access(_ common: CommonOptions) -> HubAccess {
        let progress = DownloadProgress(isQuiet: common.quiet)
        var access = HubAccess { event in progress.show(event) }
        access.isOffline = offline
        return access
    }
}
