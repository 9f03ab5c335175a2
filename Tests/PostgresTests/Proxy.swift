import Foundation
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Stands between a backbone and its database, and does to their connections what networks and poolers do. It reads PostgreSQL's framing, so
/// connections through it are not encrypted.
final class Proxy: Sendable {
    /// What happens to a connection's next request after the one under way.
    enum Trouble: Sendable {
        /// The server gets it, and its answer is lost with the connection.
        case loseAnswer
        /// The connection is lost before the server gets it.
        case loseRequest
        /// The server gets it, and the connection is lost before it answers.
        case loseConnection
    }

    private struct State {
        /// For a request that contains the text.
        var trouble: (Trouble, text: String)?
        var dropsNotifications = false
        var unknown: [String] = []
        var happened = 0
    }

    let port: Int
    private let state = Mutex(State())
    private let listener: CInt
    private let target: Int

    /// Listens at a port that was free.
    init(to target: Int) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isListening = withUnsafeMutablePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(listener, address, length) == 0 && listen(listener, 64) == 0 && getsockname(listener, address, &length) == 0
            }
        }
        guard isListening else { throw Cluster.NotStarted(description: "no port is free") }
        self.listener = listener
        self.target = target
        port = Int(UInt16(bigEndian: address.sin_port))
        Thread.detachNewThread { [self] in
            while true {
                let client = accept(listener, nil, nil)
                guard client >= 0 else { return }
                serve(client)
            }
        }
    }

    /// Ends it; connections that are open stay.
    func end() {
        shutdown(listener, Int32(SHUT_RDWR))
    }

    /// Makes trouble once, for a request that contains the text.
    func make(_ trouble: Trouble, forRequestWith text: String) {
        state.withLock { $0.trouble = (trouble, text) }
    }

    /// How much of the trouble has come to pass.
    var happened: Int { state.withLock { $0.happened } }

    /// Notifications do not come through, as behind a pooler of transactions.
    func dropNotifications() {
        state.withLock { $0.dropsNotifications = true }
    }

    /// The server does not know these words, as some that speak PostgreSQL's protocol do not.
    func makeUnknown(_ words: [String]) {
        state.withLock { $0.unknown = words }
    }

    // MARK: Connections

    private final class Pair: Sendable {
        let client: CInt
        let server: CInt
        let isDeaf = Mutex(false)
        private let open = Mutex(2)

        init(client: CInt, server: CInt) {
            (self.client, self.server) = (client, server)
        }

        func cut() {
            shutdown(client, Int32(SHUT_RDWR))
            shutdown(server, Int32(SHUT_RDWR))
        }

        /// The second one to be done closes both.
        func leave() {
            cut()
            guard
                open.withLock({ open in
                    open -= 1
                    return open == 0
                })
            else { return }
            close(client)
            close(server)
        }
    }

    private func serve(_ client: CInt) {
        let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        address.sin_port = UInt16(target).bigEndian
        _ = withUnsafePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(server, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
        let pair = Pair(client: client, server: server)
        Thread.detachNewThread { [self] in
            while let bytes = Self.receive(client), forward(bytes, pair) {}
            pair.leave()
        }
        Thread.detachNewThread { [self] in
            var answers = Answers()
            while let bytes = Self.receive(server) {
                if pair.isDeaf.withLock({ $0 }) { break }
                Self.push(answers.pass(bytes, withoutNotifications: state.withLock { $0.dropsNotifications }), to: client)
            }
            pair.leave()
        }
    }

    /// - Returns: Whether the connection goes on.
    private func forward(_ bytes: [UInt8], _ pair: Pair) -> Bool {
        let (trouble, unknown) = state.withLock { state -> (Trouble?, [String]) in
            guard let trouble = state.trouble, bytes.contains(trouble.text) else { return (nil, state.unknown) }
            state.trouble = nil
            state.happened += 1
            return (trouble.0, state.unknown)
        }
        let bytes = unknown.reduce(bytes) { $0.spoiling($1) }
        switch trouble {
        case nil: Self.push(bytes, to: pair.server)
        case .loseRequest: return false
        case .loseConnection:
            Self.push(bytes, to: pair.server)
            return false
        case .loseAnswer:
            // The other thread cuts when the answer begins to come.
            pair.isDeaf.withLock { $0 = true }
            Self.push(bytes, to: pair.server)
        }
        return true
    }

    /// Messages of the server as they go by: a letter and a length each.
    private struct Answers {
        private var rest: [UInt8] = []

        mutating func pass(_ bytes: [UInt8], withoutNotifications: Bool) -> [UInt8] {
            guard withoutNotifications || !rest.isEmpty else { return bytes }
            rest += bytes
            var passed: [UInt8] = []
            while rest.count >= 5 {
                let length = 1 + rest[1...4].reduce(0) { $0 << 8 | Int($1) }
                guard rest.count >= length else { break }
                if rest[0] != UInt8(ascii: "A") { passed += rest.prefix(length) }
                rest.removeFirst(length)
            }
            return passed
        }
    }

    private static func receive(_ socket: CInt) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = recv(socket, &bytes, bytes.count, 0)
        return count > 0 ? Array(bytes.prefix(count)) : nil
    }

    private static func push(_ bytes: [UInt8], to socket: CInt) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}

extension [UInt8] {
    fileprivate func contains(_ text: String) -> Bool {
        let wanted = Array(text.utf8)
        return indices.contains { self[$0...].starts(with: wanted) }
    }

    /// With another word of the same length in place of one.
    fileprivate func spoiling(_ word: String) -> [UInt8] {
        let wanted = Array(word.utf8)
        var bytes = self
        for index in indices where self[index...].starts(with: wanted) { bytes[index] = UInt8(ascii: "x") }
        return bytes
    }
}
