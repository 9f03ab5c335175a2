// Tells ThreadSanitizer that a continuation was resumed by one thread and its task goes on in another.
//
// If the continuation is resumed before the task comes to wait for it, the task goes straight on, after an atomic operation in
// libswift_Concurrency, which is not built for the sanitizer: whatever was handed over then looks like a race. These functions take the
// place of the library's in the program they are linked into, say what they do, and call them.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <sanitizer/tsan_interface.h>

#define SWIFT __attribute__((swiftcall))
#define SWIFT_ASYNC __attribute__((swiftasynccall))

SWIFT void *swift_task_getCurrent(void);

SWIFT void swift_continuation_resume(void *task) {
    SWIFT void (*original)(void *) = dlsym(RTLD_NEXT, "swift_continuation_resume");
    __tsan_release(task);
    original(task);
}

SWIFT void swift_continuation_throwingResume(void *task) {
    SWIFT void (*original)(void *) = dlsym(RTLD_NEXT, "swift_continuation_throwingResume");
    __tsan_release(task);
    original(task);
}

SWIFT void swift_continuation_throwingResumeWithError(void *task, void *error) {
    SWIFT void (*original)(void *, void *) = dlsym(RTLD_NEXT, "swift_continuation_throwingResumeWithError");
    __tsan_release(task);
    original(task, error);
}

SWIFT_ASYNC void swift_continuation_await(void *context) {
    SWIFT_ASYNC void (*original)(void *) = dlsym(RTLD_NEXT, "swift_continuation_await");
    __tsan_acquire(swift_task_getCurrent());
    __attribute__((musttail)) return original(context);
}
