// SPDX-License-Identifier: MIT
#include "vulkan_functions.h"

#include <string.h>

/// The first memory type of the allowed ones with all of `wanted` and none of `unwanted`; -1 where there is none.
static int32_t memory_type(const vulkan_device *device, uint32_t allowed, VkMemoryPropertyFlags wanted,
                           VkMemoryPropertyFlags unwanted) {
    for (uint32_t i = 0; i < device->memory.memoryTypeCount; i++) {
        VkMemoryPropertyFlags flags = device->memory.memoryTypes[i].propertyFlags;
        if (allowed & (1u << i) && (flags & wanted) == wanted && !(flags & unwanted))
            return (int32_t)i;
    }
    return -1;
}

static int32_t choose(const vulkan_device *device, int32_t memory, uint32_t allowed) {
    const VkMemoryPropertyFlags local = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
    const VkMemoryPropertyFlags visible = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
    const VkMemoryPropertyFlags cached = visible | VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
    int32_t type = -1;
    if (memory == VULKAN_MEMORY_DEVICE && device->description.is_unified)
        type = memory_type(device, allowed, local | cached, 0);
    else if (memory == VULKAN_MEMORY_DEVICE) {
        type = memory_type(device, allowed, local, VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT);
        if (type < 0)
            type = memory_type(device, allowed, local, 0);
    } else if (memory == VULKAN_MEMORY_DOWNLOAD)
        type = memory_type(device, allowed, cached, 0);
    return type >= 0 || memory == VULKAN_MEMORY_DEVICE ? type : memory_type(device, allowed, visible, 0);
}

int32_t vulkan_block_create(vulkan_device *device, int32_t memory, uint64_t byte_count, vulkan_block *block) {
    const vulkan_instance *vulkan = device->instance;
    memset(block, 0, sizeof *block);
    VkBufferCreateInfo info = {.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                               .size = byte_count,
                               .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
                                        VK_BUFFER_USAGE_TRANSFER_DST_BIT};
    if (device->uses_texels)
        info.usage |= VK_BUFFER_USAGE_UNIFORM_TEXEL_BUFFER_BIT;
    VkBuffer buffer = VK_NULL_HANDLE;
    VkDeviceMemory allocation = VK_NULL_HANDLE;
    VkResult result = vulkan->CreateBuffer(device->handle, &info, NULL, &buffer);
    if (result != VK_SUCCESS)
        return result;
    VkMemoryRequirements needs;
    vulkan->GetBufferMemoryRequirements(device->handle, buffer, &needs);
    int32_t type = choose(device, memory, needs.memoryTypeBits);
    VkMemoryAllocateInfo allocate = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                     .allocationSize = needs.size,
                                     .memoryTypeIndex = (uint32_t)(type < 0 ? 0 : type)};
    if (type < 0 || needs.size > device->memory.memoryHeaps[device->memory.memoryTypes[type].heapIndex].size)
        result = VK_ERROR_OUT_OF_DEVICE_MEMORY;
    else
        result = vulkan->AllocateMemory(device->handle, &allocate, NULL, &allocation);
    if (result == VK_SUCCESS)
        result = vulkan->BindBufferMemory(device->handle, buffer, allocation, 0);
    if (result == VK_SUCCESS && (memory != VULKAN_MEMORY_DEVICE || device->description.is_unified))
        result = vulkan->MapMemory(device->handle, allocation, 0, VK_WHOLE_SIZE, 0, &block->address);
    block->buffer = (uint64_t)(uintptr_t)buffer;
    block->memory = (uint64_t)(uintptr_t)allocation;
    block->byte_count = byte_count;
    if (result != VK_SUCCESS)
        vulkan_block_destroy(device, block);
    return result;
}

void vulkan_block_destroy(vulkan_device *device, const vulkan_block *block) {
    device->instance->DestroyBuffer(device->handle, (VkBuffer)(uintptr_t)block->buffer, NULL);
    device->instance->FreeMemory(device->handle, (VkDeviceMemory)(uintptr_t)block->memory, NULL);
}
