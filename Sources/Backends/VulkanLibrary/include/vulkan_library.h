// SPDX-License-Identifier: MIT
//
// Vulkan as the backend needs it: compute on storage buffers. The loader is opened when the first instance is made, so
// that a machine without it gets a sentence and not a library that cannot be opened.
//
// Functions that may fail return a VkResult as int32_t, 0 for success. Nothing here decides what to compute.
#ifndef BEASTS_VULKAN_LIBRARY_H
#define BEASTS_VULKAN_LIBRARY_H

#include <stdint.h>

typedef struct vulkan_instance vulkan_instance;
typedef struct vulkan_device vulkan_device;
typedef struct vulkan_stream vulkan_stream;
typedef struct vulkan_pipeline vulkan_pipeline;

/// Results that callers tell apart; the numbers are Vulkan's own.
enum { VULKAN_OUT_OF_HOST_MEMORY = -1, VULKAN_OUT_OF_DEVICE_MEMORY = -2, VULKAN_DEVICE_LOST = -4 };

/// Bindings of the one descriptor set that every kernel has: storage buffers, and behind them texel buffers where the
/// device was opened for them. And bytes of push constants, which is what every device has.
enum { VULKAN_BINDING_COUNT = 8, VULKAN_TEXEL_COUNT = 4, VULKAN_PUSH_BYTE_COUNT = 128 };

/// What a texel buffer gives at a time: one or four numbers of 32 or 16 bits, unsigned.
enum vulkan_texel { VULKAN_TEXEL_32, VULKAN_TEXEL_32X4, VULKAN_TEXEL_16, VULKAN_TEXEL_16X4, VULKAN_TEXEL_KINDS };

enum vulkan_validation { VULKAN_VALIDATION_OFF, VULKAN_VALIDATION_ON, VULKAN_VALIDATION_SYNCHRONIZATION };

// MARK: - Instance

/// Opens the loader and makes an instance. On failure returns nonzero and leaves a sentence in `reason`.
int32_t vulkan_instance_create(int32_t validation, vulkan_instance **instance, char *reason, uint64_t reason_size);
/// How many messages the validation layer has sent since the last call; the first of them is copied.
uint32_t vulkan_instance_take_messages(vulkan_instance *instance, char *first, uint64_t size);
uint32_t vulkan_instance_device_count(const vulkan_instance *instance);

/// Kinds of devices, as Vulkan numbers them.
enum vulkan_device_kind { VULKAN_OTHER, VULKAN_INTEGRATED, VULKAN_DISCRETE, VULKAN_VIRTUAL, VULKAN_SOFTWARE };

/// What a device says of itself.
typedef struct vulkan_device_description {
    char name[256];
    char driver[512];
    /// Why the backend cannot use it; empty when it can.
    char unsuitable[256];
    /// Names the driver build that compiled pipelines are for.
    uint8_t cache_uuid[16];
    uint64_t memory_byte_count;
    uint64_t storage_range;
    uint64_t allocation_byte_count;
    uint64_t offset_alignment;
    int32_t kind;
    uint32_t api_version;
    uint32_t vendor;
    uint32_t device;
    uint32_t driver_version;
    uint32_t queue_family;
    uint32_t shared_byte_count;
    uint32_t group_invocations;
    uint32_t group_counts[3];
    uint32_t subgroup_size;
    /// Elements that a texel buffer may have.
    uint32_t texel_count;
    /// 1 or 0 each.
    uint32_t has_float16;
    uint32_t has_bfloat16;
    /// 16 x 16 x 16 products of float16 in float32, by a subgroup.
    uint32_t has_cooperative_matrix;
    /// Of NVIDIA's second extension, all that attention_coopmat2.comp uses.
    uint32_t has_cooperative_matrix2;
    /// Texel buffers of all kinds, and lanes of a subgroup that read from each other.
    uint32_t has_texels;
    /// The device computes in memory that the host sees, cached and coherent.
    uint32_t is_unified;
} vulkan_device_description;

void vulkan_instance_describe(const vulkan_instance *instance, uint32_t index, vulkan_device_description *description);

// MARK: - Device

/// Opens a device. `cache` is what vulkan_device_cache gave before, or null. With `uses_texels` kernels may have texel
/// buffers.
int32_t vulkan_device_open(vulkan_instance *instance, uint32_t index, int32_t uses_texels, const void *cache,
                           uint64_t cache_size, vulkan_device **device);
/// Copies the driver's compiled pipelines; with `data` null only their size.
int32_t vulkan_device_cache(vulkan_device *device, void *data, uint64_t *size);
/// Asks for something that the validation layer must object to.
void vulkan_device_plant_fault(vulkan_device *device);

typedef struct vulkan_constant {
    uint32_t number;
    uint32_t value;
} vulkan_constant;

/// Compiles a kernel. `subgroup_size` 0 leaves that to the device.
int32_t vulkan_pipeline_create(vulkan_device *device, const uint32_t *code, uint64_t word_count,
                               const vulkan_constant *constants, uint32_t constant_count, uint32_t subgroup_size,
                               vulkan_pipeline **pipeline);

// MARK: - Memory

enum vulkan_memory {
    /// Where the device computes; mapped if it is unified.
    VULKAN_MEMORY_DEVICE,
    /// For the host to write and the device to copy from.
    VULKAN_MEMORY_UPLOAD,
    /// For the device to copy to and the host to read.
    VULKAN_MEMORY_DOWNLOAD
};

/// One allocation with one buffer over all of it. Handles are Vulkan's.
typedef struct vulkan_block {
    uint64_t buffer;
    uint64_t memory;
    uint64_t byte_count;
    void *address;
} vulkan_block;

int32_t vulkan_block_create(vulkan_device *device, int32_t memory, uint64_t byte_count, vulkan_block *block);
void vulkan_block_destroy(vulkan_device *device, const vulkan_block *block);

// MARK: - Stream

/// A range of a buffer.
typedef struct vulkan_range {
    uint64_t buffer;
    uint64_t offset;
    uint64_t byte_count;
} vulkan_range;

/// An in-order queue of work of one context. What was recorded runs when it is submitted.
int32_t vulkan_stream_create(vulkan_device *device, vulkan_stream **stream);
/// Waits for what was submitted.
void vulkan_stream_destroy(vulkan_stream *stream);
/// A range of a buffer as a texel buffer, of one enum vulkan_texel.
typedef struct vulkan_texels {
    vulkan_range range;
    int32_t kind;
} vulkan_texels;

/// A kernel with its storage buffers and its texel buffers.
int32_t vulkan_stream_dispatch(vulkan_stream *stream, const vulkan_pipeline *pipeline, const vulkan_range *bindings,
                               uint32_t binding_count, const vulkan_texels *texels, uint32_t texel_count,
                               const void *push, uint32_t push_size, const uint32_t groups[3]);
int32_t vulkan_stream_copy(vulkan_stream *stream, vulkan_range source, vulkan_range target);
/// What was recorded before is done, and seen, before what is recorded after.
int32_t vulkan_stream_barrier(vulkan_stream *stream);
/// Hands over what was recorded. `serial` receives the number that stands for its end.
int32_t vulkan_stream_submit(vulkan_stream *stream, uint64_t *serial);
/// Waits until `serial` is done.
int32_t vulkan_stream_wait(vulkan_stream *stream, uint64_t serial);
/// The number up to which everything is done.
uint64_t vulkan_stream_completed(vulkan_stream *stream);

#endif
