#include "engine/nvml.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* From NVIDIA's NVML API reference: the few calls used here, whose binary interface has been stable since CUDA 11. */
typedef struct nvml_device *nvml_device_t;
struct nvml_memory {
    unsigned long long total, free, used;
};
struct nvml_utilization {
    unsigned gpu, memory;
};
enum { NVML_SUCCESS = 0 };

struct dure_nvml {
    void *library;
    uint32_t count;
    int (*init)(void);
    int (*shutdown)(void);
    const char *(*error_string)(int result);
    int (*count_of)(unsigned *count);
    int (*by_index)(unsigned index, nvml_device_t *device);
    int (*by_uuid)(const char *uuid, nvml_device_t *device);
    int (*name_of)(nvml_device_t device, char *name, unsigned length);
    int (*uuid_of)(nvml_device_t device, char *uuid, unsigned length);
    int (*memory_of)(nvml_device_t device, struct nvml_memory *memory);
    int (*limit_of)(nvml_device_t device, unsigned *limit_mw);
    int (*utilization_of)(nvml_device_t device, struct nvml_utilization *utilization);
    int (*energy_of)(nvml_device_t device, unsigned long long *energy_mj);
};

static bool bind_all(struct dure_nvml *nvml)
{
    const struct {
        void **to;
        const char *name;
        bool required;
    } table[] = {
        {(void **)&nvml->init, "nvmlInit_v2", true},
        {(void **)&nvml->shutdown, "nvmlShutdown", true},
        {(void **)&nvml->error_string, "nvmlErrorString", true},
        {(void **)&nvml->count_of, "nvmlDeviceGetCount_v2", true},
        {(void **)&nvml->by_index, "nvmlDeviceGetHandleByIndex_v2", true},
        {(void **)&nvml->by_uuid, "nvmlDeviceGetHandleByUUID", true},
        {(void **)&nvml->name_of, "nvmlDeviceGetName", true},
        {(void **)&nvml->uuid_of, "nvmlDeviceGetUUID", true},
        {(void **)&nvml->memory_of, "nvmlDeviceGetMemoryInfo", true},
        {(void **)&nvml->limit_of, "nvmlDeviceGetPowerManagementDefaultLimit", false},
        {(void **)&nvml->utilization_of, "nvmlDeviceGetUtilizationRates", false},
        {(void **)&nvml->energy_of, "nvmlDeviceGetTotalEnergyConsumption", false},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        *table[i].to = dlsym(nvml->library, table[i].name);
        if (!*table[i].to && table[i].required)
            return false;
    }
    return true;
}

struct dure_nvml *dure_nvml_open(const char *library, char *note, size_t note_size)
{
    struct dure_nvml *nvml = calloc(1, sizeof *nvml);
    if (!nvml) {
        snprintf(note, note_size, "out of memory");
        return NULL;
    }
    nvml->library = dlopen(library && library[0] ? library : "libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!nvml->library) {
        snprintf(note, note_size, "no NVIDIA driver library (NVML): %s", dlerror());
        free(nvml);
        return NULL;
    }
    unsigned count = 0;
    int result = NVML_SUCCESS;
    if (!bind_all(nvml))
        snprintf(note, note_size, "the NVIDIA driver library (NVML) is too old");
    else if ((result = nvml->init()) != NVML_SUCCESS)
        snprintf(note, note_size, "NVML does not start: %s", nvml->error_string(result));
    else if ((result = nvml->count_of(&count)) != NVML_SUCCESS)
        snprintf(note, note_size, "NVML cannot count GPUs: %s", nvml->error_string(result));
    else {
        nvml->count = count;
        return nvml;
    }
    dlclose(nvml->library);
    free(nvml);
    return NULL;
}

void dure_nvml_close(struct dure_nvml *nvml)
{
    if (!nvml)
        return;
    nvml->shutdown();
    dlclose(nvml->library);
    free(nvml);
}

uint32_t dure_nvml_count(const struct dure_nvml *nvml)
{
    return nvml->count;
}

bool dure_nvml_gpu(struct dure_nvml *nvml, uint32_t index, struct dure_machine_gpu *ret_gpu)
{
    struct dure_machine_gpu gpu = {0};
    struct nvml_memory memory = {0};
    nvml_device_t device;
    unsigned limit_mw = 0;
    if (nvml->by_index(index, &device) != NVML_SUCCESS ||
        nvml->name_of(device, gpu.name, sizeof gpu.name) != NVML_SUCCESS ||
        nvml->uuid_of(device, gpu.uuid, sizeof gpu.uuid) != NVML_SUCCESS ||
        nvml->memory_of(device, &memory) != NVML_SUCCESS)
        return false;
    gpu.name[sizeof gpu.name - 1] = '\0';
    gpu.uuid[sizeof gpu.uuid - 1] = '\0';
    gpu.memory_mib = (uint32_t)(memory.total >> 20);
    if (nvml->limit_of && nvml->limit_of(device, &limit_mw) == NVML_SUCCESS)
        gpu.power_mw = limit_mw;
    *ret_gpu = gpu;
    return true;
}

bool dure_nvml_read(struct dure_nvml *nvml, const char *uuid, struct dure_nvml_reading *ret_reading)
{
    struct dure_nvml_reading reading = {0};
    struct nvml_utilization utilization = {0};
    struct nvml_memory memory = {0};
    unsigned long long energy = 0;
    nvml_device_t device;
    if (nvml->by_uuid(uuid, &device) != NVML_SUCCESS || nvml->memory_of(device, &memory) != NVML_SUCCESS)
        return false;
    if (nvml->utilization_of && nvml->utilization_of(device, &utilization) == NVML_SUCCESS)
        reading.busy_percent = utilization.gpu > 100 ? 100 : utilization.gpu;
    if (nvml->energy_of && nvml->energy_of(device, &energy) == NVML_SUCCESS)
        reading.energy_mj = energy;
    reading.memory_used_mib = memory.used >> 20;
    *ret_reading = reading;
    return true;
}
