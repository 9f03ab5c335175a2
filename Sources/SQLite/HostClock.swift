import RivuletBackbone

#if canImport(Darwin)
    import Darwin
#else
    import FoundationEssentials
    #if canImport(Glibc)
        import Glibc
    #elseif canImport(Musl)
        import Musl
    #endif
#endif

/// The clock that leases run on: the same for all processes of a host, deaf to jumps of the wall clock, and going on while the host
/// sleeps. It begins anew when the host does.
package struct HostClock: Sendable {
    /// Names the time since the host was started.
    package let boot: String
    /// Nanoseconds since some moment before the host was started.
    package let now: @Sendable () -> Int64

    /// A clock.
    package init(boot: String, now: @escaping @Sendable () -> Int64) {
        self.boot = boot
        self.now = now
    }

    /// The host's own.
    static func system() throws(StoreError) -> HostClock {
        guard let boot = bootID(), !boot.isEmpty else {
            throw StoreError(.unavailable, "cannot tell when this host was started, and so not which nodes' leases are of today")
        }
        return HostClock(boot: boot) {
            var time = timespec()
            clock_gettime(clock, &time)
            return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
        }
    }

    #if canImport(Darwin)
        private static var clock: clockid_t { CLOCK_MONOTONIC_RAW }

        private static func bootID() -> String? {
            var size = 0
            guard sysctlbyname("kern.bootsessionuuid", nil, &size, nil, 0) == 0 else { return nil }
            var bytes = [UInt8](repeating: 0, count: size)
            guard sysctlbyname("kern.bootsessionuuid", &bytes, &size, nil, 0) == 0 else { return nil }
            return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    #else
        private static var clock: clockid_t { CLOCK_BOOTTIME }

        private static func bootID() -> String? {
            let text = try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)
            return text.map { String($0.prefix { !$0.isWhitespace }) }
        }
    #endif
}
