/* Loaded before a daemon (LD_PRELOAD), it lets the wall clock be SKEW_S seconds off. */
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

int clock_gettime(clockid_t clock, struct timespec *ret_now)
{
    static int (*real)(clockid_t, struct timespec *);
    const char *text = getenv("SKEW_S");
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
    const int code = real(clock, ret_now);
    if (code == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        ret_now->tv_sec += text ? strtol(text, NULL, 10) : 0;
    return code;
}

time_t time(time_t *ret_now)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (ret_now)
        *ret_now = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval *ret_now, void *zone)
{
    struct timespec now = {0};
    (void)zone;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    ret_now->tv_sec = now.tv_sec;
    ret_now->tv_usec = now.tv_nsec / 1000;
    return 0;
}
