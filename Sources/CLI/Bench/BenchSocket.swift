#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A blocking TCP connection without anything around it, so that what is measured is the server.
///
/// The one file of the load generator with pointers: each is made from an array for the length of one system call and bounded by that
/// array's count.
final class BenchSocket: Sendable {
    let descriptor: Int32

    /// Connects. What is read later waits at most `patience` seconds.
    init(host: String, port: Int, patience: Int = 20) throws(BenchError) {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Self.stream
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, String(port), &hints, &found) == 0, let first = found else {
            throw BenchError("cannot find the host \(host)")
        }
        defer { freeaddrinfo(first) }
        var candidate: UnsafeMutablePointer<addrinfo>? = first
        while let address = candidate?.pointee {
            let descriptor = socket(address.ai_family, address.ai_socktype, address.ai_protocol)
            if descriptor >= 0, connect(descriptor, address.ai_addr, address.ai_addrlen) == 0 {
                self.descriptor = descriptor
                var on: Int32 = 1
                setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
                var limit = timeval()
                limit.tv_sec = .init(patience)
                setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
                return
            }
            if descriptor >= 0 { close(descriptor) }
            candidate = address.ai_next
        }
        throw BenchError("cannot connect to \(host):\(port): \(Self.reason)")
    }

    /// A connection that was accepted.
    init(accepted descriptor: Int32) {
        self.descriptor = descriptor
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
    }

    deinit { close(descriptor) }

    /// Sends the first `count` bytes.
    func send(_ bytes: [UInt8], count: Int? = nil) throws(BenchError) {
        let end = min(count ?? bytes.count, bytes.count)
        var sent = 0
        while sent < end {
            let result = bytes.withUnsafeBytes { buffer in
                Self.send(descriptor, UnsafeRawBufferPointer(rebasing: buffer[sent..<end]))
            }
            if result > 0 { sent += result } else if errno != EINTR { throw BenchError("the server closed a connection: \(Self.reason)") }
        }
    }

    /// Receives into the array from `offset` on, and returns how many bytes came. Does not wait if `waits` is false; 0 if nothing is there.
    func receive(into buffer: inout [UInt8], at offset: Int, waits: Bool = true) throws(BenchError) -> Int {
        guard offset < buffer.count else { throw BenchError("a line longer than \(buffer.count) bytes") }
        while true {
            let descriptor = descriptor
            let count = buffer.withUnsafeMutableBytes { target in
                recv(descriptor, target.baseAddress.map { $0 + offset }, target.count - offset, waits ? 0 : Int32(MSG_DONTWAIT))
            }
            if count > 0 { return count }
            if count == 0 { throw BenchError("the server closed a connection") }
            if errno == EINTR { continue }
            guard errno == EAGAIN || errno == EWOULDBLOCK else { throw BenchError("cannot receive: \(Self.reason)") }
            if !waits { return 0 }
            throw BenchError("nothing came from the server in time")
        }
    }

    /// Receives at most `count` bytes and lets the system drop them, so that it need not copy them; 0 if nothing is there. Nil where the
    /// system cannot.
    func discard(_ count: Int) throws(BenchError) -> Int? {
        #if os(Linux)
            while true {
                let dropped = recv(descriptor, nil, count, Int32(MSG_TRUNC) | Int32(MSG_DONTWAIT))
                if dropped > 0 { return dropped }
                if dropped == 0 { throw BenchError("the server closed a connection") }
                if errno == EINTR { continue }
                guard errno == EAGAIN || errno == EWOULDBLOCK else { throw BenchError("cannot receive: \(Self.reason)") }
                return 0
            }
        #else
            return nil
        #endif
    }

    /// Sends part of a file.
    func send(_ file: BenchFile, from start: Int, count: Int) throws(BenchError) {
        #if os(Linux)
            var offset = off_t(start)
            let end = off_t(start + count)
            while offset < end {
                let result = sendfile(descriptor, file.descriptor, &offset, Int(end - offset))
                if result < 0, errno != EINTR { throw BenchError("the server closed a connection: \(Self.reason)") }
            }
        #else
            try send(Array(file.bytes[start..<start + count]))
        #endif
    }

    /// Lets this program open as many connections as the system allows it.
    static func raiseDescriptorLimit() {
        var limit = rlimit()
        guard getrlimit(files, &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        setrlimit(files, &limit)
    }

    /// Sleeps on this thread.
    static func pause(microseconds: UInt32) { usleep(microseconds) }

    static var reason: String { String(cString: strerror(errno)) }

    #if canImport(Glibc)
        static let stream = Int32(SOCK_STREAM.rawValue)
        private static let files = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    #else
        static let stream = SOCK_STREAM
        private static let files = RLIMIT_NOFILE
    #endif

    private static func send(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
        #if canImport(Glibc)
            return Glibc.send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
        #elseif canImport(Musl)
            return Musl.send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
        #else
            return Darwin.send(descriptor, bytes.baseAddress, bytes.count, 0)
        #endif
    }
}

/// Bytes to be sent again and again. On Linux they are in a file that is only in memory, which the system sends without copying.
final class BenchFile: Sendable {
    #if os(Linux)
        fileprivate let descriptor: Int32

        init(_ bytes: [UInt8]) throws(BenchError) {
            // A server that goes away must not end this program by a signal; `sendfile` has no flag for that.
            signal(SIGPIPE, SIG_IGN)
            var path = Array("/dev/shm/rivulet-bench-XXXXXX".utf8CString)
            descriptor = mkstemp(&path)
            guard descriptor >= 0 else { throw BenchError("cannot make a file in /dev/shm: \(BenchSocket.reason)") }
            unlink(path)
            var written = 0
            while written < bytes.count {
                let result = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress.map { $0 + written }, $0.count - written) }
                guard result > 0 else { throw BenchError("cannot fill a file in memory: \(BenchSocket.reason)") }
                written += result
            }
        }

        deinit { close(descriptor) }
    #else
        fileprivate let bytes: [UInt8]

        init(_ bytes: [UInt8]) throws(BenchError) { self.bytes = bytes }
    #endif
}

/// Waits until some of several connections have something to read.
struct BenchPoller {
    private var entries: [pollfd]

    init(_ sockets: [BenchSocket]) {
        entries = sockets.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
    }

    /// Calls `body` with the place of each connection that is ready. False if none was within the time.
    mutating func wait(milliseconds: Int32, _ body: (Int) throws -> Void) throws -> Bool {
        let ready = poll(&entries, nfds_t(entries.count), milliseconds)
        guard ready > 0 else { return false }
        for index in entries.indices where entries[index].revents != 0 { try body(index) }
        return true
    }
}

/// A listening TCP socket on loopback.
final class BenchListener: Sendable {
    private let descriptor: Int32

    init(port: Int) throws(BenchError) {
        descriptor = socket(AF_INET, BenchSocket.stream, 0)
        var on: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(truncatingIfNeeded: port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let descriptor = descriptor
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
        guard result == 0, listen(descriptor, 1024) == 0 else { throw BenchError("cannot listen at port \(port): \(BenchSocket.reason)") }
    }

    deinit { close(descriptor) }

    func next() throws(BenchError) -> BenchSocket {
        let accepted = accept(descriptor, nil, nil)
        guard accepted >= 0 else { throw BenchError("cannot accept: \(BenchSocket.reason)") }
        return BenchSocket(accepted: accepted)
    }
}

extension Span<UInt8> {
    /// The first line feed at or after `offset`.
    func lineFeed(from offset: Int) -> Int? {
        withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress, offset < bytes.count else { return nil }
            guard let found = memchr(base + offset, 0x0a, bytes.count - offset) else { return nil }
            return UnsafeRawPointer(found) - base
        }
    }
}
