// Nothing to call: a test program that is linked with this target lets ThreadSanitizer see the waits of Swift's Mutex and
// continuations.
