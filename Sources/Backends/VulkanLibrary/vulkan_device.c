// SPDX-License-Identifier: MIT
#include "vulkan_functions.h"

#include <stdlib.h>

static VkResult make_device(vulkan_device *device) {
    const vulkan_device_description *description = &device->description;
    float priority = 1;
    VkDeviceQueueCreateInfo queue = {.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                     .queueFamilyIndex = description->queue_family,
                                     .queueCount = 1,
                                     .pQueuePriorities = &priority};
    VkPhysicalDeviceCooperativeMatrix2FeaturesNV flexible = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_2_FEATURES_NV,
        .cooperativeMatrixFlexibleDimensions = VK_TRUE,
        .cooperativeMatrixReductions = VK_TRUE,
        .cooperativeMatrixConversions = VK_TRUE,
        .cooperativeMatrixPerElementOperations = VK_TRUE,
        .cooperativeMatrixTensorAddressing = VK_TRUE};
    VkPhysicalDeviceCooperativeMatrixFeaturesKHR matrices = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR,
        .pNext = description->has_cooperative_matrix2 ? &flexible : NULL,
        .cooperativeMatrix = VK_TRUE};
    VkPhysicalDeviceVulkan13Features features13 = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES,
                                                   .pNext = description->has_cooperative_matrix ? &matrices : NULL,
                                                   .subgroupSizeControl = VK_TRUE,
                                                   .computeFullSubgroups = VK_TRUE,
                                                   .maintenance4 = VK_TRUE};
    VkPhysicalDeviceVulkan12Features features12 = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
                                                   .pNext = description->api_version >= VK_API_VERSION_1_3 ? &features13
                                                                                                           : NULL,
                                                   .storageBuffer8BitAccess = VK_TRUE,
                                                   .timelineSemaphore = VK_TRUE,
                                                   .shaderFloat16 = description->has_float16,
                                                   .vulkanMemoryModel = description->has_cooperative_matrix};
    VkPhysicalDeviceVulkan11Features features11 = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES,
                                                   .pNext = &features12,
                                                   .storageBuffer16BitAccess = VK_TRUE};
    const char *extensions[] = {VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME, VK_NV_COOPERATIVE_MATRIX_2_EXTENSION_NAME};
    VkDeviceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                               .pNext = &features11,
                               .queueCreateInfoCount = 1,
                               .pQueueCreateInfos = &queue,
                               .enabledExtensionCount =
                                   description->has_cooperative_matrix + description->has_cooperative_matrix2,
                               .ppEnabledExtensionNames = extensions};
    VkResult result = device->instance->CreateDevice(device->physical, &info, NULL, &device->handle);
    if (result == VK_SUCCESS)
        device->instance->GetDeviceQueue(device->handle, description->queue_family, 0, &device->queue);
    return result;
}

/// One layout serves all kernels: storage buffers and texel buffers in one set, and push constants.
static VkResult make_layout(vulkan_device *device) {
    VkDescriptorSetLayoutBinding bindings[VULKAN_BINDING_COUNT + VULKAN_TEXEL_COUNT];
    uint32_t count = VULKAN_BINDING_COUNT + (device->uses_texels ? VULKAN_TEXEL_COUNT : 0);
    for (uint32_t i = 0; i < count; i++)
        bindings[i] = (VkDescriptorSetLayoutBinding){.binding = i,
                                                     .descriptorType = i < VULKAN_BINDING_COUNT
                                                                           ? VK_DESCRIPTOR_TYPE_STORAGE_BUFFER
                                                                           : VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER,
                                                     .descriptorCount = 1,
                                                     .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT};
    VkDescriptorSetLayoutCreateInfo set = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO, .bindingCount = count, .pBindings = bindings};
    VkResult result = device->instance->CreateDescriptorSetLayout(device->handle, &set, NULL, &device->set_layout);
    if (result != VK_SUCCESS)
        return result;
    VkPushConstantRange push = {.stageFlags = VK_SHADER_STAGE_COMPUTE_BIT, .size = VULKAN_PUSH_BYTE_COUNT};
    VkPipelineLayoutCreateInfo info = {.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                       .setLayoutCount = 1,
                                       .pSetLayouts = &device->set_layout,
                                       .pushConstantRangeCount = 1,
                                       .pPushConstantRanges = &push};
    return device->instance->CreatePipelineLayout(device->handle, &info, NULL, &device->layout);
}

int32_t vulkan_device_open(vulkan_instance *instance, uint32_t index, int32_t uses_texels, const void *cache,
                           uint64_t cache_size, vulkan_device **opened) {
    vulkan_device *device = calloc(1, sizeof *device);
    if (!device)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    device->instance = instance;
    device->physical = instance->devices[index];
    pthread_mutex_init(&device->queue_lock, NULL);
    vulkan_instance_describe(instance, index, &device->description);
    device->uses_texels = uses_texels && device->description.has_texels;
    instance->GetPhysicalDeviceMemoryProperties(device->physical, &device->memory);
    VkResult result = make_device(device);
    if (result == VK_SUCCESS)
        result = make_layout(device);
    if (result == VK_SUCCESS) {
        VkPipelineCacheCreateInfo info = {.sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO,
                                          .initialDataSize = cache ? cache_size : 0,
                                          .pInitialData = cache};
        result = instance->CreatePipelineCache(device->handle, &info, NULL, &device->cache);
    }
    if (result != VK_SUCCESS) {
        // A device that opened in part is left as it is: the process will not try it again.
        free(device);
        return result;
    }
    *opened = device;
    return VK_SUCCESS;
}

int32_t vulkan_device_cache(vulkan_device *device, void *data, uint64_t *size) {
    size_t count = *size;
    VkResult result = device->instance->GetPipelineCacheData(device->handle, device->cache, &count, data);
    *size = count;
    return result;
}

void vulkan_device_plant_fault(vulkan_device *device) {
    // A buffer of no bytes.
    VkBufferCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO, .size = 0, .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT};
    VkBuffer buffer = VK_NULL_HANDLE;
    if (device->instance->CreateBuffer(device->handle, &info, NULL, &buffer) == VK_SUCCESS)
        device->instance->DestroyBuffer(device->handle, buffer, NULL);
}

int32_t vulkan_pipeline_create(vulkan_device *device, const uint32_t *code, uint64_t word_count,
                               const vulkan_constant *constants, uint32_t constant_count, uint32_t subgroup_size,
                               vulkan_pipeline **made) {
    enum { maximum = 32 };
    if (constant_count > maximum)
        return VK_ERROR_INITIALIZATION_FAILED;
    vulkan_pipeline *pipeline = calloc(1, sizeof *pipeline);
    if (!pipeline)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    VkSpecializationMapEntry entries[maximum];
    for (uint32_t i = 0; i < constant_count; i++)
        entries[i] = (VkSpecializationMapEntry){.constantID = constants[i].number,
                                                .offset = i * (uint32_t)sizeof *constants +
                                                          (uint32_t) __builtin_offsetof(vulkan_constant, value),
                                                .size = sizeof constants[i].value};
    VkSpecializationInfo specialization = {.mapEntryCount = constant_count,
                                           .pMapEntries = entries,
                                           .dataSize = constant_count * sizeof *constants,
                                           .pData = constants};
    VkShaderModuleCreateInfo module_info = {
        .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO, .codeSize = word_count * 4, .pCode = code};
    VkPipelineShaderStageRequiredSubgroupSizeCreateInfo required = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO,
        .requiredSubgroupSize = subgroup_size};
    VkComputePipelineCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                  .pNext = subgroup_size ? &required : NULL,
                  .flags = subgroup_size ? VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT : 0,
                  .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                  .pName = "main",
                  .pSpecializationInfo = &specialization},
        .layout = device->layout};
    VkResult result = device->instance->CreateShaderModule(device->handle, &module_info, NULL, &info.stage.module);
    if (result == VK_SUCCESS) {
        result =
            device->instance->CreateComputePipelines(device->handle, device->cache, 1, &info, NULL, &pipeline->handle);
        device->instance->DestroyShaderModule(device->handle, info.stage.module, NULL);
    }
    if (result != VK_SUCCESS) {
        free(pipeline);
        return result;
    }
    *made = pipeline;
    return VK_SUCCESS;
}
