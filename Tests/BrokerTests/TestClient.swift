import NIOCore
import NIOPosix
import RivuletBroker
import RivuletWire
import Synchronization
import Testing

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#endif

/// A client that says and expects exact bytes.
final class TestClient: Sendable {
    private struct State {
        var bytes: [UInt8] = []
        var isClosed = false
        var waiting: (enough: @Sendable ([UInt8]) -> Bool, continuation: CheckedContinuation<Void, Never>)?
    }

    private final class Reader: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer
        let client: TestClient

        init(_ client: TestClient) { self.client = client }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) { client.received(Array(unwrapInboundIn(data).readableBytesView)) }
        func channelInactive(context: ChannelHandlerContext) { client.closed() }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }

    private let state = Mutex(State())
    private let link = Mutex<(any Channel)?>(nil)

    private init() {}

    /// Connects, and reads INFO.
    ///
    /// - Parameter receiveBuffer: The size of the system's receive buffer, for a client that is slow on purpose.
    static func connect(to address: Broker.Address, receiveBuffer: Int? = nil) async throws -> (client: TestClient, info: ServerInfo) {
        let client = try await dial(address, receiveBuffer: receiveBuffer)
        let line = await client.line()
        try #require(line.hasPrefix("INFO "))
        return (client, try ServerInfo(parsing: Array(line.dropFirst(5).utf8)))
    }

    /// Connects, and reads nothing.
    static func dial(_ address: Broker.Address, receiveBuffer: Int? = nil) async throws -> TestClient {
        let client = TestClient()
        var bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Reader(client)) }
            }
        if let receiveBuffer {
            bootstrap = bootstrap.channelOption(.socketOption(.so_rcvbuf), value: SocketOptionValue(receiveBuffer))
        }
        let channel = try await bootstrap.connect(host: address.host, port: address.port).get()
        client.link.withLock { $0 = channel }
        return client
    }

    /// Connects and says CONNECT as clients do, with these members besides.
    static func ready(_ address: Broker.Address, _ options: String = "") async throws -> TestClient {
        let (client, _) = try await connect(to: address)
        client.send("CONNECT {\"verbose\":false,\"pedantic\":false\(options)}\r\n")
        await client.expect(sending: "PING\r\n", "PONG\r\n")
        return client
    }

    private var channel: (any Channel)? { link.withLock { $0 } }

    func send(_ text: String) { send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) { channel?.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil) }

    /// Sends, and returns when the system has taken the bytes.
    func sendAndWait(_ bytes: [UInt8]) async throws { try await channel?.writeAndFlush(ByteBuffer(bytes: bytes)).get() }

    /// Stops to read, or goes on.
    func setReading(_ reading: Bool) async throws { try await channel?.setOption(.autoRead, value: reading).get() }

    /// Closes without a farewell: the server's next write or read fails.
    func vanish() async throws {
        let provider = try #require(channel as? any SocketOptionProvider)
        try await provider.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
        close()
    }

    func close() { channel?.close(promise: nil) }

    /// Waits for exactly this text.
    func expect(_ text: String, sourceLocation: SourceLocation = #_sourceLocation) async {
        let count = text.utf8.count
        let bytes = await take(when: { $0.count >= count }) { Swift.min(count, $0.count) }
        #expect(String(decoding: bytes, as: UTF8.self) == text, sourceLocation: sourceLocation)
    }

    /// Sends, and waits for exactly this text.
    func expect(sending request: String, _ text: String, sourceLocation: SourceLocation = #_sourceLocation) async {
        send(request)
        await expect(text, sourceLocation: sourceLocation)
    }

    /// Waits for exactly this text and then the end of the stream.
    func expectEnd(_ text: String = "", sourceLocation: SourceLocation = #_sourceLocation) async {
        let bytes = await take(when: { _ in false }) { $0.count }
        #expect(String(decoding: bytes, as: UTF8.self) == text, sourceLocation: sourceLocation)
    }

    /// Whatever comes until the end of the stream.
    func rest() async -> [UInt8] { await take(when: { _ in false }) { $0.count } }

    /// The next line, without its end.
    func line() async -> String {
        let bytes = await take(when: { $0.contains(0x0a) }) { ($0.firstIndex(of: 0x0a) ?? -1) + 1 }
        return String(decoding: bytes.dropLast(2), as: UTF8.self)
    }

    /// The next `count` bytes.
    func bytes(_ count: Int) async -> [UInt8] {
        await take(when: { $0.count >= count }) { Swift.min(count, $0.count) }
    }

    /// Everything that comes before the answer to a PING that is sent now.
    func everything() async -> [UInt8] {
        send("PING\r\n")
        let pong = Array("PONG\r\n".utf8)
        return Array(await take(when: { $0.suffix(6).elementsEqual(pong) }) { $0.count }.dropLast(6))
    }

    private func take(when enough: @escaping @Sendable ([UInt8]) -> Bool, _ count: ([UInt8]) -> Int) async -> [UInt8] {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isEnough = state.withLock { state in
                    if state.isClosed || Task.isCancelled || enough(state.bytes) { return true }
                    state.waiting = (enough, continuation)
                    return false
                }
                if isEnough { continuation.resume() }
            }
        } onCancel: {
            wake { _ in true }
        }
        return state.withLock { state in
            let count = count(state.bytes)
            defer { state.bytes.removeFirst(count) }
            return Array(state.bytes.prefix(count))
        }
    }

    private func received(_ bytes: [UInt8]) {
        wake { state in
            state.bytes += bytes
            return state.waiting?.enough(state.bytes) == true
        }
    }

    private func closed() {
        wake { state in
            state.isClosed = true
            return true
        }
    }

    private func wake(_ change: (inout State) -> Bool) {
        let continuation = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard change(&state) else { return nil }
            defer { state.waiting = nil }
            return state.waiting?.continuation
        }
        continuation?.resume()
    }
}
