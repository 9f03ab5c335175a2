#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// What the process uses of the machine, at one moment.
struct ProcessUsage {
    /// Bytes of memory that are resident.
    var residentMemory = 0
    /// Seconds of processor time since the process started, in user mode and in the system.
    var processorTime = 0.0
    /// Files and sockets that are open; nil where the system does not tell.
    var openFiles: Int?

    /// Asks the system.
    static func now() -> ProcessUsage {
        var usage = ProcessUsage()
        var resources = rusage()
        #if canImport(Glibc)
            getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &resources)
        #else
            getrusage(RUSAGE_SELF, &resources)
        #endif
        usage.processorTime = seconds(resources.ru_utime) + seconds(resources.ru_stime)
        usage.residentMemory = residentPages().map { $0 * Int(sysconf(Int32(_SC_PAGESIZE))) } ?? Int(resources.ru_maxrss)
        usage.openFiles = openFiles()
        return usage
    }

    /// How many processors there are.
    static var cores: Int { Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

    private static func seconds(_ time: timeval) -> Double {
        Double(time.tv_sec) + Double(time.tv_usec) / 1e6
    }

    /// The second number of /proc/self/statm.
    private static func residentPages() -> Int? {
        guard let file = fopen("/proc/self/statm", "r") else { return nil }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        guard fgets(&line, CInt(line.count), file) != nil else { return nil }
        let words = line.prefix { $0 > 0x0a }.split(separator: 0x20)
        guard words.count > 1 else { return nil }
        return Int(String(decoding: words[1].map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }

    private static func openFiles() -> Int? {
        guard let directory = opendir("/proc/self/fd") else { return nil }
        defer { closedir(directory) }
        var count = 0
        while readdir(directory) != nil { count += 1 }
        // Two names for folders, and the directory that is being read.
        return count - 3
    }
}
