import Dispatch
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A TCP server that accepts connections, greets, and then does nothing but what the test says.
final class SilentServer: Sendable {
    struct Failure: Error {}

    /// Lets a client in, and takes large messages.
    static let greeting = "INFO {\"max_payload\":67108864}\r\nPONG\r\n"

    let port: Int
    private let listener: Int32
    private let connections = Mutex<[Int32]>([])
    private let end = Mutex<[UInt8]>([])

    private init(listener: Int32, port: Int, greeting: String) {
        self.listener = listener
        self.port = port
        DispatchQueue(label: "silent").async { [self] in
            while true {
                let connection = accept(listener, nil, nil)
                guard connection >= 0 else { break }
                connections.withLock { $0.append(connection) }
                put(greeting, to: connection)
            }
            hangUp()
        }
    }

    /// Says something to all clients.
    func say(_ text: String) {
        for connection in connections.withLock({ $0 }) { put(text, to: connection) }
    }

    /// Begins to read what the clients send that are connected now.
    func listenToClients() {
        for connection in connections.withLock({ $0 }) {
            // By a descriptor of its own: a number that was closed may be somebody else's by then.
            let own = dup(connection)
            DispatchQueue(label: "listening").async { [self] in
                let size = 65_536
                var bytes = [UInt8](repeating: 0, count: size)
                while true {
                    let count = read(own, &bytes, size)
                    guard count > 0 else { break }
                    end.withLock { $0 = Array(($0 + bytes[..<count]).suffix(4096)) }
                }
                close(own)
            }
        }
    }

    /// The end of what was read.
    var heard: String { end.withLock { String(decoding: $0, as: UTF8.self) } }

    /// Ends all connections.
    func hangUp() {
        let all = connections.withLock { connections in
            defer { connections = [] }
            return connections
        }
        for connection in all {
            shutdown(connection, Int32(SHUT_RDWR))
            close(connection)
        }
    }

    private func put(_ text: String, to connection: Int32) {
        let bytes = Array(text.utf8)
        _ = write(connection, bytes, bytes.count)
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
