// SPDX-License-Identifier: MIT
import CBeasts
import Testing

/// Where the fields of the contract's structures lie, in bytes. Libraries that are already built rely on these numbers:
/// a new field goes to the end of its structure and to the end of its list here, and no number ever changes.
@Suite("The layout of shared structures") struct StructureLayoutTests {
    private func at<Root, Value>(_ field: KeyPath<Root, Value>, _ offset: Int) {
        #expect(MemoryLayout<Root>.offset(of: field) == offset, "\(field)")
    }

    @Test("beasts_view") func view() {
        at(\beasts_view.buffer, 0)
        at(\beasts_view.offset, 8)
        at(\beasts_view.dtype, 16)
        at(\beasts_view.rank, 20)
        at(\beasts_view.shape, 24)
        at(\beasts_view.stride, 88)
    }

    @Test("beasts_status") func status() {
        at(\beasts_status.code, 4)
        at(\beasts_status.message, 8)
    }

    @Test("beasts_host_info") func hostInfo() {
        at(\beasts_host_info.abi_major, 4)
        at(\beasts_host_info.abi_minor, 8)
        at(\beasts_host_info.description, 16)
    }

    @Test("beasts_probe_result") func probeResult() {
        at(\beasts_probe_result.score, 4)
        at(\beasts_probe_result.device_count, 8)
        at(\beasts_probe_result.native_dtypes, 12)
        at(\beasts_probe_result.memory_byte_count, 16)
        at(\beasts_probe_result.device_name, 24)
        at(\beasts_probe_result.reason, 152)
        at(\beasts_probe_result.cache_byte_count, 512)
    }

    @Test("beasts_context_options") func contextOptions() {
        at(\beasts_context_options.device, 4)
        at(\beasts_context_options.thread_count, 8)
    }

    @Test("beasts_weight_part") func weightPart() {
        at(\beasts_weight_part.dtype, 4)
        at(\beasts_weight_part.data, 8)
        at(\beasts_weight_part.byte_count, 16)
        at(\beasts_weight_part.rank, 24)
        at(\beasts_weight_part.shape, 32)
        at(\beasts_weight_part.stride, 96)
    }

    @Test("beasts_weight_description") func weightDescription() {
        at(\beasts_weight_description.kind, 4)
        at(\beasts_weight_description.target_dtype, 8)
        at(\beasts_weight_description.groups, 12)
        at(\beasts_weight_description.parts, 16)
        at(\beasts_weight_description.part_count, 24)
    }

    @Test("beasts_epilogue") func epilogue() {
        at(\beasts_epilogue.bias, 0)
        at(\beasts_epilogue.residual, 152)
        at(\beasts_epilogue.activation, 304)
        at(\beasts_epilogue.order, 308)
    }

    @Test("beasts_backend_table") func backendTable() {
        at(\beasts_backend_table.preferred_alignment, 12)
        at(\beasts_backend_table.name, 16)
        at(\beasts_backend_table.version, 24)
        at(\beasts_backend_table.description, 32)
        at(\beasts_backend_table.probe, 40)
        at(\beasts_backend_table.create_context, 48)
        at(\beasts_backend_table.destroy_context, 56)
        at(\beasts_backend_table.synchronize, 64)
        at(\beasts_backend_table.create_buffer, 72)
        at(\beasts_backend_table.destroy_buffer, 80)
        at(\beasts_backend_table.upload, 88)
        at(\beasts_backend_table.download, 96)
        at(\beasts_backend_table.map, 104)
        at(\beasts_backend_table.prepare_weight, 112)
        at(\beasts_backend_table.release_weight, 120)
        at(\beasts_backend_table.supports, 128)
    }
}
