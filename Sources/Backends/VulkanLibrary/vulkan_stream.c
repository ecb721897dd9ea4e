// SPDX-License-Identifier: MIT
#include "vulkan_functions.h"

#include <stdlib.h>

/// Command buffers in flight, and descriptor sets of one pool.
enum { slot_count = 4, pool_set_count = 128, maximum_pools = 8 };

typedef struct slot {
    VkCommandPool commands;
    VkCommandBuffer buffer;
    VkDescriptorPool pools[maximum_pools];
    uint32_t pool_count, set_count;
    /// Made for its kernels.
    VkBufferView *views;
    uint32_t view_count, view_capacity;
    /// What stands for the end of its last submission.
    uint64_t serial;
} slot;

struct vulkan_stream {
    vulkan_device *device;
    VkSemaphore timeline;
    uint64_t submitted;
    slot slots[slot_count];
    uint32_t current;
    int is_recording;
    VkPipeline bound;
};

static const VkPipelineStageFlags stages = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;
static const VkAccessFlags writes = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
static const VkAccessFlags accesses =
    VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;

int32_t vulkan_stream_create(vulkan_device *device, vulkan_stream **made) {
    vulkan_stream *stream = calloc(1, sizeof *stream);
    if (!stream)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    stream->device = device;
    VkSemaphoreTypeCreateInfo type = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
                                      .semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE};
    VkSemaphoreCreateInfo info = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, .pNext = &type};
    VkResult result = device->instance->CreateSemaphore(device->handle, &info, NULL, &stream->timeline);
    for (uint32_t i = 0; i < slot_count && result == VK_SUCCESS; i++) {
        VkCommandPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                        .flags = VK_COMMAND_POOL_CREATE_TRANSIENT_BIT,
                                        .queueFamilyIndex = device->description.queue_family};
        result = device->instance->CreateCommandPool(device->handle, &pool, NULL, &stream->slots[i].commands);
        if (result != VK_SUCCESS)
            break;
        VkCommandBufferAllocateInfo buffer = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                              .commandPool = stream->slots[i].commands,
                                              .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                              .commandBufferCount = 1};
        result = device->instance->AllocateCommandBuffers(device->handle, &buffer, &stream->slots[i].buffer);
    }
    if (result != VK_SUCCESS)
        vulkan_stream_destroy(stream);
    else
        *made = stream;
    return result;
}

static void destroy_views(const vulkan_device *device, slot *slot) {
    for (uint32_t i = 0; i < slot->view_count; i++)
        device->instance->DestroyBufferView(device->handle, slot->views[i], NULL);
    slot->view_count = 0;
}

void vulkan_stream_destroy(vulkan_stream *stream) {
    const vulkan_instance *vulkan = stream->device->instance;
    VkDevice device = stream->device->handle;
    if (stream->timeline)
        vulkan_stream_wait(stream, stream->submitted);
    for (uint32_t i = 0; i < slot_count; i++) {
        destroy_views(stream->device, &stream->slots[i]);
        free(stream->slots[i].views);
        for (uint32_t j = 0; j < stream->slots[i].pool_count; j++)
            vulkan->DestroyDescriptorPool(device, stream->slots[i].pools[j], NULL);
        vulkan->DestroyCommandPool(device, stream->slots[i].commands, NULL);
    }
    vulkan->DestroySemaphore(device, stream->timeline, NULL);
    free(stream);
}

/// Makes the current slot ready to record, waiting for its last use.
static VkResult begin(vulkan_stream *stream) {
    if (stream->is_recording)
        return VK_SUCCESS;
    const vulkan_instance *vulkan = stream->device->instance;
    slot *slot = &stream->slots[stream->current];
    VkResult result = vulkan_stream_wait(stream, slot->serial);
    for (uint32_t i = 0; i < slot->pool_count && result == VK_SUCCESS; i++)
        result = vulkan->ResetDescriptorPool(stream->device->handle, slot->pools[i], 0);
    if (result == VK_SUCCESS)
        result = vulkan->ResetCommandPool(stream->device->handle, slot->commands, 0);
    VkCommandBufferBeginInfo info = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                     .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT};
    if (result == VK_SUCCESS)
        result = vulkan->BeginCommandBuffer(slot->buffer, &info);
    if (result == VK_SUCCESS)
        destroy_views(stream->device, slot);
    slot->set_count = 0;
    stream->bound = VK_NULL_HANDLE;
    stream->is_recording = result == VK_SUCCESS;
    return result;
}

static VkResult descriptor_set(vulkan_stream *stream, VkDescriptorSet *set) {
    const vulkan_instance *vulkan = stream->device->instance;
    slot *slot = &stream->slots[stream->current];
    uint32_t pool = slot->set_count / pool_set_count;
    if (pool == slot->pool_count) {
        if (pool == maximum_pools)
            return VK_ERROR_OUT_OF_POOL_MEMORY;
        VkDescriptorPoolSize sizes[] = {
            {.type = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, .descriptorCount = pool_set_count * VULKAN_BINDING_COUNT},
            {.type = VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER, .descriptorCount = pool_set_count * VULKAN_TEXEL_COUNT}};
        VkDescriptorPoolCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
                                           .maxSets = pool_set_count,
                                           .poolSizeCount = stream->device->uses_texels ? 2 : 1,
                                           .pPoolSizes = sizes};
        VkResult result = vulkan->CreateDescriptorPool(stream->device->handle, &info, NULL, &slot->pools[pool]);
        if (result != VK_SUCCESS)
            return result;
        slot->pool_count++;
    }
    VkDescriptorSetAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
                                        .descriptorPool = slot->pools[pool],
                                        .descriptorSetCount = 1,
                                        .pSetLayouts = &stream->device->set_layout};
    VkResult result = vulkan->AllocateDescriptorSets(stream->device->handle, &info, set);
    if (result == VK_SUCCESS)
        slot->set_count++;
    return result;
}

/// Lasts until the slot is used again.
static VkResult make_view(vulkan_stream *stream, const vulkan_texels *texels, VkBufferView *view) {
    slot *slot = &stream->slots[stream->current];
    if (slot->view_count == slot->view_capacity) {
        uint32_t capacity = slot->view_capacity ? 2 * slot->view_capacity : 64;
        VkBufferView *views = realloc(slot->views, capacity * sizeof *views);
        if (!views)
            return VK_ERROR_OUT_OF_HOST_MEMORY;
        slot->views = views;
        slot->view_capacity = capacity;
    }
    VkBufferViewCreateInfo info = {.sType = VK_STRUCTURE_TYPE_BUFFER_VIEW_CREATE_INFO,
                                   .buffer = (VkBuffer)(uintptr_t)texels->range.buffer,
                                   .format = vulkan_texel_formats[texels->kind],
                                   .offset = texels->range.offset,
                                   .range = texels->range.byte_count};
    VkResult result = stream->device->instance->CreateBufferView(stream->device->handle, &info, NULL, view);
    if (result == VK_SUCCESS)
        slot->views[slot->view_count++] = *view;
    return result;
}

int32_t vulkan_stream_dispatch(vulkan_stream *stream, const vulkan_pipeline *pipeline, const vulkan_range *bindings,
                               uint32_t binding_count, const vulkan_texels *texels, uint32_t texel_count,
                               const void *push, uint32_t push_size, const uint32_t groups[3]) {
    const vulkan_instance *vulkan = stream->device->instance;
    VkDescriptorSet set;
    VkResult result = begin(stream);
    if (result == VK_SUCCESS)
        result = descriptor_set(stream, &set);
    if (result != VK_SUCCESS)
        return result;
    VkDescriptorBufferInfo ranges[VULKAN_BINDING_COUNT];
    VkBufferView views[VULKAN_TEXEL_COUNT];
    VkWriteDescriptorSet changes[VULKAN_BINDING_COUNT + VULKAN_TEXEL_COUNT];
    for (uint32_t i = 0; i < binding_count; i++) {
        ranges[i] = (VkDescriptorBufferInfo){.buffer = (VkBuffer)(uintptr_t)bindings[i].buffer,
                                             .offset = bindings[i].offset,
                                             .range = bindings[i].byte_count};
        changes[i] = (VkWriteDescriptorSet){.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
                                            .dstSet = set,
                                            .dstBinding = i,
                                            .descriptorCount = 1,
                                            .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                                            .pBufferInfo = &ranges[i]};
    }
    for (uint32_t i = 0; i < texel_count; i++) {
        result = make_view(stream, &texels[i], &views[i]);
        if (result != VK_SUCCESS)
            return result;
        changes[binding_count + i] = (VkWriteDescriptorSet){.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
                                                            .dstSet = set,
                                                            .dstBinding = VULKAN_BINDING_COUNT + i,
                                                            .descriptorCount = 1,
                                                            .descriptorType = VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER,
                                                            .pTexelBufferView = &views[i]};
    }
    vulkan->UpdateDescriptorSets(stream->device->handle, binding_count + texel_count, changes, 0, NULL);
    VkCommandBuffer buffer = stream->slots[stream->current].buffer;
    if (stream->bound != pipeline->handle)
        vulkan->CmdBindPipeline(buffer, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline->handle);
    stream->bound = pipeline->handle;
    vulkan->CmdBindDescriptorSets(buffer, VK_PIPELINE_BIND_POINT_COMPUTE, stream->device->layout, 0, 1, &set, 0, NULL);
    vulkan->CmdPushConstants(buffer, stream->device->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, push_size, push);
    vulkan->CmdDispatch(buffer, groups[0], groups[1], groups[2]);
    return VK_SUCCESS;
}

int32_t vulkan_stream_copy(vulkan_stream *stream, vulkan_range source, vulkan_range target) {
    VkResult result = begin(stream);
    if (result != VK_SUCCESS)
        return result;
    VkBufferCopy region = {.srcOffset = source.offset, .dstOffset = target.offset, .size = source.byte_count};
    stream->device->instance->CmdCopyBuffer(stream->slots[stream->current].buffer, (VkBuffer)(uintptr_t)source.buffer,
                                            (VkBuffer)(uintptr_t)target.buffer, 1, &region);
    return VK_SUCCESS;
}

int32_t vulkan_stream_barrier(vulkan_stream *stream) {
    VkResult result = begin(stream);
    if (result != VK_SUCCESS)
        return result;
    VkMemoryBarrier barrier = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER, .srcAccessMask = writes, .dstAccessMask = accesses};
    stream->device->instance->CmdPipelineBarrier(stream->slots[stream->current].buffer, stages, stages, 0, 1, &barrier,
                                                 0, NULL, 0, NULL);
    return VK_SUCCESS;
}

int32_t vulkan_stream_submit(vulkan_stream *stream, uint64_t *serial) {
    *serial = stream->submitted;
    if (!stream->is_recording)
        return VK_SUCCESS;
    const vulkan_instance *vulkan = stream->device->instance;
    slot *slot = &stream->slots[stream->current];
    // What the device wrote, the host may read once the semaphore says so.
    VkMemoryBarrier barrier = {.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
                               .srcAccessMask = writes,
                               .dstAccessMask = VK_ACCESS_HOST_READ_BIT | VK_ACCESS_HOST_WRITE_BIT};
    vulkan->CmdPipelineBarrier(slot->buffer, stages, VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &barrier, 0, NULL, 0, NULL);
    stream->is_recording = 0;
    VkResult result = vulkan->EndCommandBuffer(slot->buffer);
    if (result != VK_SUCCESS)
        return result;
    uint64_t next = stream->submitted + 1;
    VkTimelineSemaphoreSubmitInfo timeline = {.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
                                              .signalSemaphoreValueCount = 1,
                                              .pSignalSemaphoreValues = &next};
    VkSubmitInfo info = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                         .pNext = &timeline,
                         .commandBufferCount = 1,
                         .pCommandBuffers = &slot->buffer,
                         .signalSemaphoreCount = 1,
                         .pSignalSemaphores = &stream->timeline};
    pthread_mutex_lock(&stream->device->queue_lock);
    result = vulkan->QueueSubmit(stream->device->queue, 1, &info, VK_NULL_HANDLE);
    pthread_mutex_unlock(&stream->device->queue_lock);
    if (result != VK_SUCCESS)
        return result;
    stream->submitted = slot->serial = *serial = next;
    stream->current = (stream->current + 1) % slot_count;
    return VK_SUCCESS;
}

int32_t vulkan_stream_wait(vulkan_stream *stream, uint64_t serial) {
    if (serial == 0)
        return VK_SUCCESS;
    VkSemaphoreWaitInfo info = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
                                .semaphoreCount = 1,
                                .pSemaphores = &stream->timeline,
                                .pValues = &serial};
    return stream->device->instance->WaitSemaphores(stream->device->handle, &info, UINT64_MAX);
}

uint64_t vulkan_stream_completed(vulkan_stream *stream) {
    uint64_t value = 0;
    stream->device->instance->GetSemaphoreCounterValue(stream->device->handle, stream->timeline, &value);
    return value;
}
