// Tells ThreadSanitizer that a Mutex of Swift's Synchronization module was handed from one thread to another.
//
// On Linux that mutex is one atomic word and a futex. Taken without contention it is an atomic operation in our own code, which
// ThreadSanitizer sees. Taken with contention it is a system call in libswiftSynchronization, which is not built for the sanitizer:
// everything that such a mutex protects is then reported as a race. These functions take the place of the library's in the program
// they are linked into, call them, and say what they do.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <sanitizer/tsan_interface.h>
#include <stdbool.h>
#include <stdint.h>

#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context))

// Synchronization._MutexHandle's _lockSlow(_:), _tryLockSlow() and _unlockSlow(), as Swift 6.3 names them.
#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define TRY_LOCK "$s15Synchronization12_MutexHandleV12_tryLockSlowSbyF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

SWIFT void lock(uint32_t state, SELF void *mutex) __asm__(LOCK);
SWIFT bool try_lock(SELF void *mutex) __asm__(TRY_LOCK);
SWIFT void unlock(SELF void *mutex) __asm__(UNLOCK);

SWIFT void lock(uint32_t state, SELF void *mutex) {
    SWIFT void (*original)(uint32_t, SELF void *) = dlsym(RTLD_NEXT, LOCK);
    original(state, mutex);
    __tsan_acquire(mutex);
}

SWIFT bool try_lock(SELF void *mutex) {
    SWIFT bool (*original)(SELF void *) = dlsym(RTLD_NEXT, TRY_LOCK);
    bool is_locked = original(mutex);
    if (is_locked) __tsan_acquire(mutex);
    return is_locked;
}

SWIFT void unlock(SELF void *mutex) {
    SWIFT void (*original)(SELF void *) = dlsym(RTLD_NEXT, UNLOCK);
    __tsan_release(mutex);
    original(mutex);
}
