// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "cpu_threads.h"

#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void (*gomp_parallel)(void (*)(void *), void *, unsigned, unsigned);
static int (*thread_number)(void);
static int (*team_size)(void);
static void (*set_thread_count)(int);
static pthread_once_t opened = PTHREAD_ONCE_INIT;

static void open_runtime(void) {
    // Between the regions of a pass threads wait for microseconds: they look for about 20 of them before they sleep,
    // since to be woken costs as much. Longer waits would take the processor from whoever decodes pictures.
    if (!getenv("OMP_WAIT_POLICY"))
        setenv("GOMP_SPINCOUNT", "1000", 0);
    setenv("OMP_WAIT_POLICY", "passive", 0);
    void *library = dlopen("libgomp.so.1", RTLD_NOW | RTLD_GLOBAL);
    if (!library)
        return;
    *(void **)&thread_number = dlsym(library, "omp_get_thread_num");
    *(void **)&team_size = dlsym(library, "omp_get_num_threads");
    *(void **)&set_thread_count = dlsym(library, "omp_set_num_threads");
    if (thread_number && team_size && set_thread_count)
        *(void **)&gomp_parallel = dlsym(library, "GOMP_parallel");
}

void cpu_threads_load(void) {
    pthread_once(&opened, open_runtime);
}

int32_t cpu_threads_open(int32_t count) {
    cpu_threads_load();
    if (!gomp_parallel)
        return 0;
    set_thread_count(count);
    return 1;
}

typedef struct region {
    void (*body)(void *, int32_t);
    void *context;
    int32_t parts;
} region;

/// The runtime may give fewer threads than asked for: each takes every n-th part.
static void run_parts(void *data) {
    const region *work = data;
    int32_t step = team_size();
    for (int32_t part = thread_number(); part < work->parts; part += step)
        work->body(work->context, part);
}

void cpu_parallel(int32_t parts, void (*body)(void *context, int32_t part), void *context) {
    pthread_once(&opened, open_runtime);
    if (parts > 1 && gomp_parallel) {
        region work = {body, context, parts};
        gomp_parallel(run_parts, &work, (unsigned)parts, 0);
    } else {
        for (int32_t part = 0; part < parts; part++)
            body(context, part);
    }
}

/// Processors that "cpu.max" of the process's own control group (version 2) grants, rounded up; 0 where it has no
/// bound.
static int32_t quota(void) {
    char path[4096] = "/sys/fs/cgroup", line[3072];
    FILE *file = fopen("/proc/self/cgroup", "re");
    if (!file)
        return 0;
    while (fgets(line, sizeof line, file)) {
        if (strncmp(line, "0::/", 4))
            continue;
        line[strcspn(line, "\n")] = 0;
        snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.max", line + 3);
    }
    fclose(file);
    double share, period;
    file = fopen(path, "re");
    if (!file)
        return 0;
    int32_t count = 0;
    if (fscanf(file, "%lf %lf", &share, &period) == 2 && period > 0) {
        double processors = share / period;
        count = processors < 1      ? 1
                : processors > 1024 ? 1024
                                    : (int32_t)processors + (processors > (int32_t)processors);
    }
    fclose(file);
    return count;
}

int32_t cpu_threads_available(void) {
    cpu_set_t set;
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        count = CPU_COUNT(&set);
    int32_t bound = quota();
    if (bound > 0 && bound < count)
        count = bound;
    return count < 1 ? 1 : (int32_t)count;
}
