/* A driver library for machines without one. FAKE_NVML: "none" (no GPU), "broken" (does not start), "hang" (never answers), "mixed" (two models). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct fake {
    unsigned index;
};
static struct fake fakes[3] = {{0}, {1}, {2}};

static int mode_is(const char *mode)
{
    const char *set = getenv("FAKE_NVML");
    return set && strcmp(set, mode) == 0;
}

int nvmlInit_v2(void);
int nvmlShutdown(void);
const char *nvmlErrorString(int result);
int nvmlDeviceGetCount_v2(unsigned *count);
int nvmlDeviceGetHandleByIndex_v2(unsigned index, struct fake **device);
int nvmlDeviceGetHandleByUUID(const char *uuid, struct fake **device);
int nvmlDeviceGetName(struct fake *device, char *name, unsigned length);
int nvmlDeviceGetUUID(struct fake *device, char *uuid, unsigned length);
int nvmlDeviceGetMemoryInfo(struct fake *device, unsigned long long memory[3]);
int nvmlDeviceGetPowerManagementDefaultLimit(struct fake *device, unsigned *limit_mw);
int nvmlDeviceGetUtilizationRates(struct fake *device, unsigned rates[2]);
int nvmlDeviceGetTotalEnergyConsumption(struct fake *device, unsigned long long *energy_mj);

int nvmlInit_v2(void)
{
    while (mode_is("hang"))
        pause();
    return mode_is("broken") ? 9 : 0;
}

int nvmlShutdown(void)
{
    return 0;
}

const char *nvmlErrorString(int result)
{
    return result == 9 ? "Driver Not Loaded" : "Unknown Error";
}

int nvmlDeviceGetCount_v2(unsigned *count)
{
    *count = mode_is("none") ? 0 : mode_is("mixed") ? 3 : 2;
    return 0;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, struct fake **device)
{
    *device = &fakes[index % 3];
    return 0;
}

int nvmlDeviceGetHandleByUUID(const char *uuid, struct fake **device)
{
    const char *digit = strrchr(uuid, '-');
    if (!digit || digit[1] < '0' || digit[1] > '2')
        return 6;
    *device = &fakes[digit[1] - '0'];
    return 0;
}

int nvmlDeviceGetName(struct fake *device, char *name, unsigned length)
{
    snprintf(name, length, "%s", device->index == 2 ? "NVIDIA L40S" : "NVIDIA H100 80GB HBM3");
    return 0;
}

int nvmlDeviceGetUUID(struct fake *device, char *uuid, unsigned length)
{
    snprintf(uuid, length, "GPU-fake-%u", device->index);
    return 0;
}

int nvmlDeviceGetMemoryInfo(struct fake *device, unsigned long long memory[3])
{
    memory[0] = device->index == 2 ? 46068ull << 20 : 81559ull << 20;
    memory[1] = memory[0] - (1234ull << 20);
    memory[2] = 1234ull << 20;
    return 0;
}

int nvmlDeviceGetPowerManagementDefaultLimit(struct fake *device, unsigned *limit_mw)
{
    *limit_mw = device->index == 2 ? 350000 : 700000;
    return 0;
}

int nvmlDeviceGetUtilizationRates(struct fake *device, unsigned rates[2])
{
    rates[0] = device->index == 1 ? 50 : 100;
    rates[1] = 10;
    return 0;
}

int nvmlDeviceGetTotalEnergyConsumption(struct fake *device, unsigned long long *energy_mj)
{
    static unsigned long long calls;
    *energy_mj = 1000 * (device->index + 1) + 100 * ++calls;
    return 0;
}
