#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Something a thread that waits for a socket can be woken by.
final class WakePipe: Sendable {
    /// Can be read from after ``wake()``, until ``drain()``.
    let descriptor: CInt
    private let entrance: CInt

    init() {
        var ends: [CInt] = [-1, -1]
        // Without descriptors there is nothing to wake by; waiting still ends by itself.
        if pipe(&ends) == 0 {
            for end in ends {
                _ = fcntl(end, F_SETFL, O_NONBLOCK)
                _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            }
        }
        (descriptor, entrance) = (ends[0], ends[1])
    }

    deinit {
        close(descriptor)
        close(entrance)
    }

    func wake() {
        _ = write(entrance, [1], 1)
    }

    func drain() {
        var bytes = [UInt8](repeating: 0, count: 64)
        while read(descriptor, &bytes, bytes.count) > 0 {}
    }

    /// Waits until somebody wakes, or the deadline.
    func wait(until deadline: Deadline) {
        var socket = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        _ = poll(&socket, 1, deadline.milliseconds)
        drain()
    }
}
