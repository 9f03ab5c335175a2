import Dispatch
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A TCP server that accepts connections, says one thing, and then nothing any more.
final class SilentServer: Sendable {
    struct Failure: Error {}

    let port: Int
    private let listener: Int32

    private init(listener: Int32, port: Int, greeting: String) {
        self.listener = listener
        self.port = port
        DispatchQueue(label: "silent").async {
            var connections: [Int32] = []
            while true {
                let connection = accept(listener, nil, nil)
                guard connection >= 0 else { break }
                connections.append(connection)
                let bytes = Array(greeting.utf8)
                _ = write(connection, bytes, bytes.count)
            }
            for connection in connections { close(connection) }
        }
    }

    static func start(greeting: String = "") async throws -> SilentServer {
        #if canImport(Darwin)
            let listener = socket(AF_INET, SOCK_STREAM, 0)
        #else
            let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #endif
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isListening = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(listener, address, size) == 0 && listen(listener, 16) == 0 && getsockname(listener, address, &size) == 0
            }
        }
        guard isListening else { throw Failure() }
        return SilentServer(listener: listener, port: Int(UInt16(bigEndian: address.sin_port)), greeting: greeting)
    }

    func stop() async {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }
}
