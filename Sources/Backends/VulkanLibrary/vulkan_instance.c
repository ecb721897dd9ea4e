// SPDX-License-Identifier: MIT
#include "vulkan_functions.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char validation_layer[] = "VK_LAYER_KHRONOS_validation";

static VKAPI_ATTR VkBool32 VKAPI_CALL keep_message(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
                                                   VkDebugUtilsMessageTypeFlagsEXT type,
                                                   const VkDebugUtilsMessengerCallbackDataEXT *data, void *user) {
    (void)severity;
    (void)type;
    vulkan_instance *instance = user;
    pthread_mutex_lock(&instance->message_lock);
    if (instance->message_count++ == 0)
        snprintf(instance->first_message, sizeof instance->first_message, "%s", data->pMessage ? data->pMessage : "");
    pthread_mutex_unlock(&instance->message_lock);
    return VK_FALSE;
}

static int has_layer(PFN_vkEnumerateInstanceLayerProperties enumerate) {
    uint32_t count = 0;
    if (!enumerate || enumerate(&count, NULL) != VK_SUCCESS || count == 0)
        return 0;
    VkLayerProperties *layers = calloc(count, sizeof *layers);
    int found = 0;
    if (layers && enumerate(&count, layers) >= 0)
        for (uint32_t i = 0; i < count; i++)
            found |= strcmp(layers[i].layerName, validation_layer) == 0;
    free(layers);
    return found;
}

static VkResult make_instance(vulkan_instance *instance, PFN_vkCreateInstance create, int32_t validation) {
    VkApplicationInfo application = {
        .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO, .pApplicationName = "beasts", .apiVersion = instance->api_version};
    VkValidationFeatureEnableEXT enabled = VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT;
    VkValidationFeaturesEXT features = {.sType = VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT,
                                        .enabledValidationFeatureCount = 1,
                                        .pEnabledValidationFeatures = &enabled};
    VkDebugUtilsMessengerCreateInfoEXT messenger = {.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
                                                    .pNext = validation == VULKAN_VALIDATION_SYNCHRONIZATION ? &features
                                                                                                             : NULL,
                                                    .messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT |
                                                                       VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
                                                    .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT,
                                                    .pfnUserCallback = keep_message,
                                                    .pUserData = instance};
    const char *layers[] = {validation_layer};
    const char *extensions[] = {VK_EXT_DEBUG_UTILS_EXTENSION_NAME};
    VkInstanceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO, .pApplicationInfo = &application};
    if (validation != VULKAN_VALIDATION_OFF) {
        info.pNext = &messenger;
        info.enabledLayerCount = 1;
        info.ppEnabledLayerNames = layers;
        info.enabledExtensionCount = 1;
        info.ppEnabledExtensionNames = extensions;
    }
    VkResult result = create(&info, NULL, &instance->handle);
    return result;
}

static VkResult make_messenger(vulkan_instance *instance, PFN_vkGetInstanceProcAddr find) {
    PFN_vkCreateDebugUtilsMessengerEXT create =
        (PFN_vkCreateDebugUtilsMessengerEXT)find(instance->handle, "vkCreateDebugUtilsMessengerEXT");
    VkDebugUtilsMessengerCreateInfoEXT info = {.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
                                               .messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT |
                                                                  VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
                                               .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT,
                                               .pfnUserCallback = keep_message,
                                               .pUserData = instance};
    VkDebugUtilsMessengerEXT messenger;
    return create ? create(instance->handle, &info, NULL, &messenger) : VK_ERROR_EXTENSION_NOT_PRESENT;
}

int32_t vulkan_instance_create(int32_t validation, vulkan_instance **made, char *reason, uint64_t reason_size) {
    void *loader = dlopen("libvulkan.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!loader) {
        snprintf(reason, reason_size, "no Vulkan loader: %s; Debian: apt-get install libvulkan1", dlerror());
        return VK_ERROR_INITIALIZATION_FAILED;
    }
    PFN_vkGetInstanceProcAddr find = (PFN_vkGetInstanceProcAddr)dlsym(loader, "vkGetInstanceProcAddr");
    PFN_vkCreateInstance create = find ? (PFN_vkCreateInstance)find(NULL, "vkCreateInstance") : NULL;
    PFN_vkEnumerateInstanceVersion version =
        find ? (PFN_vkEnumerateInstanceVersion)find(NULL, "vkEnumerateInstanceVersion") : NULL;
    vulkan_instance *instance = calloc(1, sizeof *instance);
    if (!create || !version || !instance) {
        snprintf(reason, reason_size, "the Vulkan loader libvulkan.so.1 is older than Vulkan 1.1");
        free(instance);
        return VK_ERROR_INITIALIZATION_FAILED;
    }
    version(&instance->api_version);
    if (instance->api_version > VK_API_VERSION_1_3)
        instance->api_version = VK_API_VERSION_1_3;
    pthread_mutex_init(&instance->message_lock, NULL);
    if (validation != VULKAN_VALIDATION_OFF &&
        !has_layer((PFN_vkEnumerateInstanceLayerProperties)find(NULL, "vkEnumerateInstanceLayerProperties"))) {
        snprintf(reason, reason_size,
                 "the validation layer is asked for and not here; Debian: apt-get install "
                 "vulkan-validationlayers");
        free(instance);
        return VK_ERROR_LAYER_NOT_PRESENT;
    }
    VkResult result = make_instance(instance, create, validation);
    if (result == VK_ERROR_INCOMPATIBLE_DRIVER) {
        const char *files = getenv("VK_DRIVER_FILES");
        snprintf(reason, reason_size,
                 "no Vulkan driver was found%s%s; a GPU needs its vendor's, Debian's software device is in "
                 "mesa-vulkan-drivers",
                 files ? " in VK_DRIVER_FILES=" : "", files ? files : "");
    } else if (result != VK_SUCCESS) {
        snprintf(reason, reason_size, "vkCreateInstance failed with VkResult %d", result);
    }
    if (result != VK_SUCCESS) {
        free(instance);
        return result;
    }
#define FIND(name)                                                                                                     \
    if (!(instance->name = (PFN_vk##name)find(instance->handle, "vk" #name))) {                                        \
        snprintf(reason, reason_size, "the Vulkan loader lacks vk" #name);                                             \
        return VK_ERROR_INITIALIZATION_FAILED;                                                                         \
    }
    FOR_EACH_FUNCTION(FIND)
    instance->get_cooperative_matrix_properties =
        find(instance->handle, "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR");
    instance->get_flexible_matrix_properties =
        find(instance->handle, "vkGetPhysicalDeviceCooperativeMatrixFlexibleDimensionsPropertiesNV");
    if (validation != VULKAN_VALIDATION_OFF)
        make_messenger(instance, find);
    instance->device_count = VULKAN_MAXIMUM_DEVICES;
    result = instance->EnumeratePhysicalDevices(instance->handle, &instance->device_count, instance->devices);
    if (result < 0)
        instance->device_count = 0;
    if (instance->device_count == 0) {
        snprintf(reason, reason_size, "the Vulkan drivers here have no device (VkResult %d)", result);
        return VK_ERROR_INITIALIZATION_FAILED;
    }
    *made = instance;
    return VK_SUCCESS;
}

uint32_t vulkan_instance_take_messages(vulkan_instance *instance, char *first, uint64_t size) {
    pthread_mutex_lock(&instance->message_lock);
    uint32_t count = instance->message_count;
    if (count)
        snprintf(first, size, "%s", instance->first_message);
    instance->message_count = 0;
    pthread_mutex_unlock(&instance->message_lock);
    return count;
}

uint32_t vulkan_instance_device_count(const vulkan_instance *instance) {
    return instance->device_count;
}
