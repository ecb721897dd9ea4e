// SPDX-License-Identifier: MIT
internal import BeastCore
public import CBeasts

/// The library's one exported symbol.
@c(beasts_backend_query)
public func query(
    _ host: UnsafePointer<beasts_host_info>?,
    _ table: UnsafeMutablePointer<UnsafePointer<beasts_backend_table>?>?,
    _ status: UnsafeMutablePointer<beasts_status>?
) -> Int32 { BackendExport.query(VulkanBackend.self, host, table, status) }
