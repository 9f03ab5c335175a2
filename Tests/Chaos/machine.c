// Loaded before the C library (LD_PRELOAD), it makes a process see another machine, as the file says that CHAOS_MACHINE names.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct machine {
    // Nanoseconds that the wall clock is ahead.
    _Atomic int64_t shift;
    // Whether the queue that gives a SQLite store signs of life makes no progress.
    _Atomic int64_t holds_signs_of_life;
};

static const int64_t second = 1000000000;
static const char queue_of_signs[] = "rivulet.sqlite.lease";
static const struct machine usual;
static const struct machine *machine = &usual;
static const char *(*label_of_queue)(const void *queue);

__attribute__((constructor)) static void begin(void) {
    label_of_queue = (const char *(*)(const void *))dlsym(RTLD_DEFAULT, "dispatch_queue_get_label");
    const char *path = getenv("CHAOS_MACHINE");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *memory = mmap(NULL, sizeof *machine, PROT_READ, MAP_SHARED, file, 0);
    if (memory != MAP_FAILED) machine = memory;
    close(file);
}

static bool gives_sign_of_life(void) {
    return label_of_queue && strcmp(label_of_queue(NULL), queue_of_signs) == 0;
}

int flock(int file, int operation) {
    while (machine->holds_signs_of_life && operation != LOCK_UN && gives_sign_of_life()) usleep(1000);
    return syscall(SYS_flock, file, operation);
}

int clock_gettime(clockid_t clock, struct timespec *result) {
    if (syscall(SYS_clock_gettime, clock, result) != 0) return -1;
    if (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE) return 0;
    int64_t moment = (int64_t)result->tv_sec * second + result->tv_nsec + machine->shift;
    result->tv_sec = moment / second;
    result->tv_nsec = moment % second;
    return 0;
}

int gettimeofday(struct timeval *restrict result, void *restrict zone) {
    (void)zone;
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
    result->tv_sec = now.tv_sec;
    result->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *result) {
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
    if (result) *result = now.tv_sec;
    return now.tv_sec;
}
