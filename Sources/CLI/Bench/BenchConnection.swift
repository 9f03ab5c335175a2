import Foundation
import RivuletWire

/// A connection of the load generator, used by one thread at a time.
struct BenchConnection {
    let socket: BenchSocket
    private var scanner = FrameScanner()
    private var receipts = 0

    init(_ server: BenchServer) throws {
        socket = try BenchSocket(host: server.host, port: server.port)
        var options = ConnectOptions(name: "rivulet bench", headers: true, noResponders: false)
        options.user = server.user
        options.password = server.password
        options.authToken = server.token
        var frames: [UInt8] = []
        FrameEncoder.connect(options, to: &frames)
        try socket.send(frames)
    }

    /// Subscribes with the number as sid.
    func subscribe(_ pattern: String, sid: Int = 1, queue: String? = nil) throws {
        var frame: [UInt8] = []
        FrameEncoder.subscribe(pattern, queue: queue, sid: sid, to: &frame)
        try socket.send(frame)
    }

    /// Returns when the server has carried out everything sent before. Returns the messages that came meanwhile.
    @discardableResult
    mutating func settle(_ scratch: inout [UInt8]) throws -> Int {
        try socket.send(FrameEncoder.ping)
        var isSettled = false
        var messages = 0
        while !isSettled {
            messages += try receive(&scratch, onPong: { isSettled = true })
        }
        return messages
    }

    /// Publishes the frame now and then until it reaches the receivers, which may be at another node that has yet to learn of them; then
    /// waits until nothing comes any more.
    static func acquaint(_ sender: BenchConnection, with receivers: inout [BenchConnection], _ frame: [UInt8]) throws {
        var scratch = scratch()
        var missing = Set(receivers.indices)
        let end = ContinuousClock.now + .seconds(20)
        var quiet = 0
        while !missing.isEmpty || quiet < 10 {
            guard ContinuousClock.now < end else { throw BenchError("what is published does not reach the receivers' server") }
            if !missing.isEmpty { try sender.socket.send(frame) }
            usleep(20_000)
            quiet += 1
            for index in receivers.indices where try receivers[index].receive(&scratch, waits: false) > 0 {
                missing.remove(index)
                quiet = 0
            }
        }
    }

    /// Receives once, answers PING, and returns how many messages began.
    mutating func receive(
        _ scratch: inout [UInt8], waits: Bool = true, onPong: () -> Void = {}, onMessage: ((borrowing Span<UInt8>) -> Void)? = nil
    ) throws -> Int {
        let socket = socket
        return try scanner.receive(from: socket, &scratch, waits: waits, seesMessages: onMessage != nil) { line, bytes in
            switch line {
            case .message: onMessage?(bytes)
            case .ping: try socket.send(FrameEncoder.pong)
            case .pong: onPong()
            case .error: throw BenchError("the server said \(bytes.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) })")
            case .other: break
            }
        }
    }

    /// Receives once if something is there, and returns how many messages began. Most of what comes is only counted, as messages of
    /// `length` bytes each; now and then it is looked at.
    mutating func count(messagesOf length: Int, _ scratch: inout [UInt8]) throws -> Int {
        receipts &+= 1
        if receipts % 64 != 0, let count = try scanner.skip(messagesOf: length, from: socket) { return count }
        return try receive(&scratch, waits: false)
    }

    static func scratch() -> [UInt8] { [UInt8](repeating: 0, count: 1 << 18) }
}

/// Where the server is, and who asks.
struct BenchServer: Sendable, Equatable {
    var host = "127.0.0.1"
    var port = 4222
    var user: String?
    var password: String?
    var token: String?

    /// Reads `nats://[user:password@|token@]host[:port]`.
    init(parsing text: String) throws(BenchError) {
        var rest = text[...]
        if let scheme = rest.firstRange(of: "://") {
            guard rest[..<scheme.lowerBound] == "nats" else { throw BenchError("the load generator speaks nats:// only") }
            rest = rest[scheme.upperBound...]
        }
        if let at = rest.lastIndex(of: "@") {
            let credentials = rest[..<at].split(separator: ":", maxSplits: 1).map(String.init)
            if credentials.count == 2 { (user, password) = (credentials[0], credentials[1]) } else { token = credentials.first }
            rest = rest[rest.index(after: at)...]
        }
        if rest.last == "/" { rest.removeLast() }
        if let colon = rest.lastIndex(of: ":") {
            guard let number = Int(rest[rest.index(after: colon)...]), (1...65_535).contains(number) else {
                throw BenchError("the port is a number from 1 to 65535")
            }
            port = number
            rest = rest[..<colon]
        }
        if !rest.isEmpty { host = String(rest) }
    }
}
