import Fuzzing
import Logging
import NIOCore
import NIOEmbedded
import RivuletSubscriptions
import RivuletWire

@testable import RivuletBroker

/// Two clients of a broker: whatever they send and however it is cut, nothing traps, what they get is NATS, what they get does not
/// depend on the cutting, and nothing is left of them when they have gone.
///
/// The first byte of an input chooses the broker's settings. In the rest three control characters stand for what happens between
/// bytes: FS ends a read, GS lets the other client go on, RS lets a second pass.
enum Connections {
    private static let cut: UInt8 = 0x1c, other: UInt8 = 0x1d, second: UInt8 = 0x1e

    static func check(_ input: [UInt8]) {
        let settings = input.first ?? 0
        let script = Array(input.dropFirst())
        let written = play(script, settings)
        // Limits before CONNECT and of what is pending are looked at once per read, and members of a queue group are chosen at random.
        guard settings & 7 == 0, !script.contains(other), !script.contains(second), !hasQueueGroups(script) else { return }
        let whole = play(script.filter { $0 != cut }, settings)
        expect(written == whole, "what a client gets depends on the reads")
    }

    private static func play(_ script: [UInt8], _ settings: UInt8) -> [[UInt8]] {
        var broker = Broker(settings)
        return broker.play(script)
    }

    private static func hasQueueGroups(_ script: [UInt8]) -> Bool {
        let parser = FrameParser(limits: .server)
        let bytes = script.filter { $0 != cut }
        let stream = FrameStream(of: bytes, ends: CollectionOfOne(bytes.count)) { (bytes, offset) throws(WireError) in
            try parser.nextClientFrame(in: bytes, from: offset)
        }
        return stream.frames.contains { if case .subscribe(let frame) = $0 { frame.queue != nil } else { false } }
    }

    /// The broker without its sockets: its router, and its handlers in channels that hand bytes to and fro.
    private struct Broker {
        private let router: Router
        private let registry = ConnectionRegistry()
        private let loop = EmbeddedEventLoop()
        private var clients: [Client] = []

        private struct Client {
            let channel: EmbeddedChannel
            let outbox: Outbox
            var written: [UInt8] = []
        }

        init(_ settings: UInt8) {
            var configuration = BrokerConfiguration()
            configuration.requiresConnect = settings & 1 != 0
            if settings & 2 != 0 {
                configuration.limits = WireLimits(controlLine: 64, payload: 64, headers: 32)
                configuration.maximumSubscriptions = 3
                configuration.maximumPending = 512
                configuration.stallThreshold = 256
                configuration.writeSize = 64
                configuration.maximumStall = .zero
            }
            if settings & 4 != 0 {
                let pattern = (try? SubjectPattern("a.>")).map { [$0] }
                let only = UserPermissions(
                    publish: SubjectPermission(allow: pattern), subscribe: SubjectPermission(allow: pattern),
                    responses: ResponsePermission())
                configuration.auth = AuthConfiguration(
                    users: [.init(name: "u", password: Secret("p"), permissions: only)], defaultPermissions: nil)
            }
            router = Router(configuration)
            clients = (1...2).compactMap(connect)
        }

        private func connect(_ id: Int) -> Client? {
            var quiet = Logger(label: "fuzz") { _ in SwiftLogNoOpLogHandler() }
            quiet.logLevel = .critical
            let channel = EmbeddedChannel(loop: loop)
            let outbox = Outbox(id: id, channel: channel, writesDirectly: false, configuration: router.configuration) {}
            let session = Session(outbox: outbox, router: router, tls: nil, info: ServerInfo(), logger: quiet)
            let handler = ConnectionHandler(session: session, router: router, registry: registry, tls: nil, logger: quiet)
            do {
                try channel.pipeline.syncOperations.addHandler(handler)
                try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 4222)).wait()
            } catch {
                expect(false, "no connection: \(error)")
            }
            return Client(channel: channel, outbox: outbox)
        }

        /// - Returns: What each client got.
        mutating func play(_ script: [UInt8]) -> [[UInt8]] {
            var current = 0
            for part in script.split(maxSplits: 255, omittingEmptySubsequences: false, whereSeparator: { $0 >= cut && $0 <= second }) {
                if part.startIndex > script.startIndex {
                    switch script[part.startIndex - 1] {
                    case other: current = 1 - current
                    case second: loop.advanceTime(by: .seconds(1))
                    default: break
                    }
                }
                receive(part, current)
            }
            for client in clients { _ = try? client.channel.finish(acceptAlreadyClosed: true) }
            loop.run()
            expect(router.interest.count == 0, "a subscription is left")
            expect(registry.count == 0, "a connection is left")
            for index in clients.indices {
                collect(index)
                expect(clients[index].outbox.pendingBytes == 0, "bytes are left")
            }
            for client in clients { checkFrames(client.written) }
            return clients.map(\.written)
        }

        private func checkFrames(_ written: [UInt8]) {
            let parser = FrameParser(limits: .client)
            let stream = FrameStream(of: written, ends: CollectionOfOne(written.count)) { (bytes, offset) throws(WireError) in
                try parser.nextServerFrame(in: bytes, from: offset)
            }
            expect(stream.error == nil, "a client gets what is not NATS: \(String(decoding: written, as: UTF8.self))")
        }

        private mutating func receive(_ part: ArraySlice<UInt8>, _ index: Int) {
            let channel = clients[index].channel
            if !part.isEmpty, channel.isActive { _ = try? channel.writeInbound(ByteBuffer(bytes: part)) }
            loop.run()
            clients.indices.forEach { collect($0) }
        }

        private mutating func collect(_ index: Int) {
            while let bytes = try? clients[index].channel.readOutbound(as: ByteBuffer.self) {
                clients[index].written += bytes.readableBytesView
            }
        }
    }
}
