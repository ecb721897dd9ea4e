// SPDX-License-Identifier: MIT
#include "vulkan_functions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int has_extension(const vulkan_instance *instance, VkPhysicalDevice device, const char *name) {
    uint32_t count = 0;
    if (instance->EnumerateDeviceExtensionProperties(device, NULL, &count, NULL) != VK_SUCCESS || count == 0)
        return 0;
    VkExtensionProperties *extensions = calloc(count, sizeof *extensions);
    int found = 0;
    if (extensions && instance->EnumerateDeviceExtensionProperties(device, NULL, &count, extensions) >= 0)
        for (uint32_t i = 0; i < count; i++)
            found |= strcmp(extensions[i].extensionName, name) == 0;
    free(extensions);
    return found;
}

/// Whether a subgroup multiplies 16 x 16 x 16 float16 in float32.
static uint32_t has_float16_matrices(const vulkan_instance *instance, VkPhysicalDevice device) {
    PFN_vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR get =
        (PFN_vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR)instance->get_cooperative_matrix_properties;
    if (!get || !has_extension(instance, device, VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME))
        return 0;
    uint32_t count = 0;
    if (get(device, &count, NULL) != VK_SUCCESS || count == 0)
        return 0;
    VkCooperativeMatrixPropertiesKHR *kinds = calloc(count, sizeof *kinds);
    if (!kinds)
        return 0;
    for (uint32_t i = 0; i < count; i++)
        kinds[i].sType = VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_PROPERTIES_KHR;
    uint32_t found = 0;
    if (get(device, &count, kinds) >= 0)
        for (uint32_t i = 0; i < count; i++)
            // Component types: 0 is float16, 1 float32. Scope 3 is the subgroup.
            found |= kinds[i].MSize == 16 && kinds[i].NSize == 16 && kinds[i].KSize == 16 && kinds[i].AType == 0 &&
                     kinds[i].BType == 0 && kinds[i].CType == 1 && kinds[i].ResultType == 1 && kinds[i].scope == 3;
    free(kinds);
    return found;
}

/// Whether a subgroup multiplies float16 in float32 in any multiples of 16, reduces, converts and addresses such
/// matrices.
static uint32_t has_flexible_matrices(const vulkan_instance *instance, VkPhysicalDevice device) {
    PFN_vkGetPhysicalDeviceCooperativeMatrixFlexibleDimensionsPropertiesNV get =
        (PFN_vkGetPhysicalDeviceCooperativeMatrixFlexibleDimensionsPropertiesNV)
            instance->get_flexible_matrix_properties;
    if (!get || !has_extension(instance, device, VK_NV_COOPERATIVE_MATRIX_2_EXTENSION_NAME))
        return 0;
    VkPhysicalDeviceCooperativeMatrix2FeaturesNV has = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_2_FEATURES_NV};
    VkPhysicalDeviceFeatures2 features = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, .pNext = &has};
    instance->GetPhysicalDeviceFeatures2(device, &features);
    uint32_t count = 0;
    if (!has.cooperativeMatrixFlexibleDimensions || !has.cooperativeMatrixReductions ||
        !has.cooperativeMatrixConversions || !has.cooperativeMatrixPerElementOperations ||
        !has.cooperativeMatrixTensorAddressing || get(device, &count, NULL) != VK_SUCCESS || count == 0)
        return 0;
    VkCooperativeMatrixFlexibleDimensionsPropertiesNV *kinds = calloc(count, sizeof *kinds);
    if (!kinds)
        return 0;
    for (uint32_t i = 0; i < count; i++)
        kinds[i].sType = VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_FLEXIBLE_DIMENSIONS_PROPERTIES_NV;
    uint32_t found = 0;
    if (get(device, &count, kinds) >= 0)
        for (uint32_t i = 0; i < count; i++)
            found |= kinds[i].MGranularity && 16 % kinds[i].MGranularity == 0 && kinds[i].NGranularity &&
                     16 % kinds[i].NGranularity == 0 && kinds[i].KGranularity && 16 % kinds[i].KGranularity == 0 &&
                     kinds[i].AType == 0 && kinds[i].BType == 0 && kinds[i].CType == 1 && kinds[i].ResultType == 1 &&
                     kinds[i].scope == 3;
    free(kinds);
    return found;
}

/// What kernels of processors that play GPU read by.
static uint32_t has_texels(const vulkan_instance *instance, VkPhysicalDevice device,
                           const VkPhysicalDeviceSubgroupProperties *subgroup) {
    if (!(subgroup->supportedOperations & VK_SUBGROUP_FEATURE_SHUFFLE_BIT) ||
        !(subgroup->supportedStages & VK_SHADER_STAGE_COMPUTE_BIT))
        return 0;
    for (uint32_t i = 0; i < VULKAN_TEXEL_KINDS; i++) {
        VkFormatProperties format;
        instance->GetPhysicalDeviceFormatProperties(device, vulkan_texel_formats[i], &format);
        if (!(format.bufferFeatures & VK_FORMAT_FEATURE_UNIFORM_TEXEL_BUFFER_BIT))
            return 0;
    }
    return 1;
}

static uint32_t compute_family(const vulkan_instance *instance, VkPhysicalDevice device) {
    VkQueueFamilyProperties families[32];
    uint32_t count = 32, chosen = UINT32_MAX;
    instance->GetPhysicalDeviceQueueFamilyProperties(device, &count, families);
    for (uint32_t i = 0; i < count && chosen == UINT32_MAX; i++)
        if (families[i].queueFlags & VK_QUEUE_COMPUTE_BIT)
            chosen = i;
    return chosen;
}

static void describe_memory(const vulkan_instance *instance, VkPhysicalDevice device,
                            vulkan_device_description *description) {
    VkPhysicalDeviceMemoryProperties memory;
    instance->GetPhysicalDeviceMemoryProperties(device, &memory);
    for (uint32_t i = 0; i < memory.memoryHeapCount; i++)
        if (memory.memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT &&
            memory.memoryHeaps[i].size > description->memory_byte_count)
            description->memory_byte_count = memory.memoryHeaps[i].size;
    // Only for devices that share the host's memory: a discrete GPU's windows are slow to read from the host.
    VkMemoryPropertyFlags all = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT | VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
                                VK_MEMORY_PROPERTY_HOST_COHERENT_BIT | VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
    if (description->kind == VULKAN_INTEGRATED || description->kind == VULKAN_SOFTWARE)
        for (uint32_t i = 0; i < memory.memoryTypeCount; i++)
            description->is_unified |= (memory.memoryTypes[i].propertyFlags & all) == all;
}

void vulkan_instance_describe(const vulkan_instance *instance, uint32_t index, vulkan_device_description *description) {
    memset(description, 0, sizeof *description);
    VkPhysicalDevice device = instance->devices[index];
    VkPhysicalDeviceMaintenance3Properties allocation = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES};
    VkPhysicalDeviceSubgroupProperties subgroup = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES,
                                                   .pNext = &allocation};
    VkPhysicalDeviceDriverProperties driver = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES,
                                               .pNext = &subgroup};
    VkPhysicalDeviceProperties2 all = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &driver};
    instance->GetPhysicalDeviceProperties2(device, &all);
    const VkPhysicalDeviceProperties *properties = &all.properties;
    snprintf(description->name, sizeof description->name, "%s", properties->deviceName);
    snprintf(description->driver, sizeof description->driver, "%s %s", driver.driverName, driver.driverInfo);
    memcpy(description->cache_uuid, properties->pipelineCacheUUID, sizeof description->cache_uuid);
    description->kind = properties->deviceType;
    description->api_version =
        properties->apiVersion < instance->api_version ? properties->apiVersion : instance->api_version;
    description->vendor = properties->vendorID;
    description->device = properties->deviceID;
    description->driver_version = properties->driverVersion;
    description->storage_range = properties->limits.maxStorageBufferRange;
    description->allocation_byte_count = allocation.maxMemoryAllocationSize;
    description->offset_alignment = properties->limits.minStorageBufferOffsetAlignment;
    description->shared_byte_count = properties->limits.maxComputeSharedMemorySize;
    description->group_invocations = properties->limits.maxComputeWorkGroupInvocations;
    memcpy(description->group_counts, properties->limits.maxComputeWorkGroupCount, sizeof description->group_counts);
    description->subgroup_size = subgroup.subgroupSize;
    description->texel_count = properties->limits.maxTexelBufferElements;
    description->has_texels = has_texels(instance, device, &subgroup);
    description->queue_family = compute_family(instance, device);
    describe_memory(instance, device, description);
    if (description->api_version < VK_API_VERSION_1_2) {
        snprintf(description->unsuitable, sizeof description->unsuitable, "it has Vulkan %u.%u, 1.2 is needed",
                 VK_API_VERSION_MAJOR(properties->apiVersion), VK_API_VERSION_MINOR(properties->apiVersion));
        return;
    }
    VkPhysicalDeviceVulkan12Features features12 = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES};
    VkPhysicalDeviceVulkan11Features features11 = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES,
                                                   .pNext = &features12};
    VkPhysicalDeviceFeatures2 features = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, .pNext = &features11};
    instance->GetPhysicalDeviceFeatures2(device, &features);
    const char *lacking = description->queue_family == UINT32_MAX ? "a queue for compute"
                          : !features11.storageBuffer16BitAccess  ? "16-bit storage buffers"
                          : !features12.storageBuffer8BitAccess   ? "8-bit storage buffers"
                          : !features12.timelineSemaphore         ? "timeline semaphores"
                          : properties->limits.maxPushConstantsSize < VULKAN_PUSH_BYTE_COUNT
                              ? "128 bytes of push constants"
                              : NULL;
    if (lacking)
        snprintf(description->unsuitable, sizeof description->unsuitable, "it lacks %s", lacking);
    description->has_float16 = features12.shaderFloat16;
    description->has_bfloat16 = has_extension(instance, device, VK_KHR_SHADER_BFLOAT16_EXTENSION_NAME);
    description->has_cooperative_matrix = features12.shaderFloat16 && features12.vulkanMemoryModel &&
                                          description->api_version >= VK_API_VERSION_1_3 &&
                                          has_float16_matrices(instance, device);
    description->has_cooperative_matrix2 =
        description->has_cooperative_matrix && has_flexible_matrices(instance, device);
}
