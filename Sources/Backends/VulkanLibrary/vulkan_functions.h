// SPDX-License-Identifier: MIT
// The functions of Vulkan in use, and the structures that Debian 12's headers do not have yet.
#ifndef BEASTS_VULKAN_FUNCTIONS_H
#define BEASTS_VULKAN_FUNCTIONS_H

#define VK_NO_PROTOTYPES
#include "include/vulkan_library.h"
#include <pthread.h>
#include <vulkan/vulkan.h>

#define FOR_EACH_FUNCTION(F)                                                                                           \
    F(EnumeratePhysicalDevices)                                                                                        \
    F(EnumerateDeviceExtensionProperties)                                                                              \
    F(GetPhysicalDeviceProperties2)                                                                                    \
    F(GetPhysicalDeviceFeatures2)                                                                                      \
    F(GetPhysicalDeviceMemoryProperties)                                                                               \
    F(GetPhysicalDeviceQueueFamilyProperties)                                                                          \
    F(GetPhysicalDeviceFormatProperties)                                                                               \
    F(CreateDevice)                                                                                                    \
    F(GetDeviceQueue)                                                                                                  \
    F(CreateBuffer)                                                                                                    \
    F(DestroyBuffer)                                                                                                   \
    F(CreateBufferView)                                                                                                \
    F(DestroyBufferView)                                                                                               \
    F(GetBufferMemoryRequirements)                                                                                     \
    F(AllocateMemory)                                                                                                  \
    F(FreeMemory)                                                                                                      \
    F(BindBufferMemory)                                                                                                \
    F(MapMemory)                                                                                                       \
    F(CreateShaderModule)                                                                                              \
    F(DestroyShaderModule)                                                                                             \
    F(CreateDescriptorSetLayout)                                                                                       \
    F(CreatePipelineLayout)                                                                                            \
    F(CreatePipelineCache)                                                                                             \
    F(GetPipelineCacheData)                                                                                            \
    F(CreateComputePipelines)                                                                                          \
    F(CreateDescriptorPool)                                                                                            \
    F(DestroyDescriptorPool)                                                                                           \
    F(ResetDescriptorPool)                                                                                             \
    F(AllocateDescriptorSets)                                                                                          \
    F(UpdateDescriptorSets)                                                                                            \
    F(CreateCommandPool)                                                                                               \
    F(DestroyCommandPool)                                                                                              \
    F(ResetCommandPool)                                                                                                \
    F(AllocateCommandBuffers)                                                                                          \
    F(BeginCommandBuffer)                                                                                              \
    F(EndCommandBuffer)                                                                                                \
    F(CmdBindPipeline)                                                                                                 \
    F(CmdBindDescriptorSets)                                                                                           \
    F(CmdPushConstants)                                                                                                \
    F(CmdDispatch)                                                                                                     \
    F(CmdCopyBuffer)                                                                                                   \
    F(CmdPipelineBarrier)                                                                                              \
    F(QueueSubmit)                                                                                                     \
    F(CreateSemaphore)                                                                                                 \
    F(DestroySemaphore)                                                                                                \
    F(WaitSemaphores)                                                                                                  \
    F(GetSemaphoreCounterValue)

#define VULKAN_MAXIMUM_DEVICES 16

struct vulkan_instance {
    VkInstance handle;
    uint32_t api_version;
    uint32_t device_count;
    VkPhysicalDevice devices[VULKAN_MAXIMUM_DEVICES];
    /// Null where the device has no such extension.
    PFN_vkVoidFunction get_cooperative_matrix_properties, get_flexible_matrix_properties;
    pthread_mutex_t message_lock;
    uint32_t message_count;
    char first_message[2048];
#define DECLARE(name) PFN_vk##name name;
    FOR_EACH_FUNCTION(DECLARE)
#undef DECLARE
};

struct vulkan_device {
    vulkan_instance *instance;
    VkPhysicalDevice physical;
    vulkan_device_description description;
    VkDevice handle;
    VkQueue queue;
    VkDescriptorSetLayout set_layout;
    VkPipelineLayout layout;
    VkPipelineCache cache;
    VkPhysicalDeviceMemoryProperties memory;
    int uses_texels;
    /// A queue is used by one thread at a time; contexts share it.
    pthread_mutex_t queue_lock;
};

struct vulkan_pipeline {
    VkPipeline handle;
};

/// By enum vulkan_texel.
static const VkFormat vulkan_texel_formats[VULKAN_TEXEL_KINDS] = {VK_FORMAT_R32_UINT, VK_FORMAT_R32G32B32A32_UINT,
                                                                  VK_FORMAT_R16_UINT, VK_FORMAT_R16G16B16A16_UINT};

#ifndef VK_KHR_cooperative_matrix
#define VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME "VK_KHR_cooperative_matrix"
#define VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR ((VkStructureType)1000506000)
#define VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_PROPERTIES_KHR ((VkStructureType)1000506001)
typedef struct VkPhysicalDeviceCooperativeMatrixFeaturesKHR {
    VkStructureType sType;
    void *pNext;
    VkBool32 cooperativeMatrix;
    VkBool32 cooperativeMatrixRobustBufferAccess;
} VkPhysicalDeviceCooperativeMatrixFeaturesKHR;
typedef struct VkCooperativeMatrixPropertiesKHR {
    VkStructureType sType;
    void *pNext;
    uint32_t MSize;
    uint32_t NSize;
    uint32_t KSize;
    int32_t AType;
    int32_t BType;
    int32_t CType;
    int32_t ResultType;
    VkBool32 saturatingAccumulation;
    int32_t scope;
} VkCooperativeMatrixPropertiesKHR;
typedef VkResult(VKAPI_PTR *PFN_vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR)(VkPhysicalDevice, uint32_t *,
                                                                                   VkCooperativeMatrixPropertiesKHR *);
#endif

#ifndef VK_NV_cooperative_matrix2
#define VK_NV_COOPERATIVE_MATRIX_2_EXTENSION_NAME "VK_NV_cooperative_matrix2"
#define VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_2_FEATURES_NV ((VkStructureType)1000593000)
#define VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_FLEXIBLE_DIMENSIONS_PROPERTIES_NV ((VkStructureType)1000593001)
typedef struct VkPhysicalDeviceCooperativeMatrix2FeaturesNV {
    VkStructureType sType;
    void *pNext;
    VkBool32 cooperativeMatrixWorkgroupScope;
    VkBool32 cooperativeMatrixFlexibleDimensions;
    VkBool32 cooperativeMatrixReductions;
    VkBool32 cooperativeMatrixConversions;
    VkBool32 cooperativeMatrixPerElementOperations;
    VkBool32 cooperativeMatrixTensorAddressing;
    VkBool32 cooperativeMatrixBlockLoads;
} VkPhysicalDeviceCooperativeMatrix2FeaturesNV;
typedef struct VkCooperativeMatrixFlexibleDimensionsPropertiesNV {
    VkStructureType sType;
    void *pNext;
    uint32_t MGranularity;
    uint32_t NGranularity;
    uint32_t KGranularity;
    int32_t AType;
    int32_t BType;
    int32_t CType;
    int32_t ResultType;
    VkBool32 saturatingAccumulation;
    int32_t scope;
    uint32_t workgroupInvocations;
} VkCooperativeMatrixFlexibleDimensionsPropertiesNV;
typedef VkResult(VKAPI_PTR *PFN_vkGetPhysicalDeviceCooperativeMatrixFlexibleDimensionsPropertiesNV)(
    VkPhysicalDevice, uint32_t *, VkCooperativeMatrixFlexibleDimensionsPropertiesNV *);
#endif

#ifndef VK_KHR_shader_bfloat16
#define VK_KHR_SHADER_BFLOAT16_EXTENSION_NAME "VK_KHR_shader_bfloat16"
#endif

#endif
