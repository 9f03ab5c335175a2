import NIOCore
import RivuletSubscriptions
import Synchronization

/// What monitoring may ask about one connection. The connection's event loop writes it, once per read and not per message; anybody
/// reads it, without waiting for the event loop.
final class ConnectionRecord: Sendable {
    /// What the client told when it connected, secrets left out.
    struct Client: Sendable {
        var name = ""
        var language = ""
        var version = ""
        var user: String?
        var tlsVersion: String?
    }

    let start: Timestamp
    let ip: String
    let port: Int
    let subscriptions = ConnectionSubscriptions()
    let client = Mutex(Client())
    private let lastActivity: Atomic<Int64>
    private let roundTrip = Atomic<Int64>(-1)
    private let inMessages = Atomic(0)
    private let inBytes = Atomic(0)

    init(_ address: SocketAddress?) {
        start = SystemTime().wallTime
        lastActivity = Atomic(start.nanoseconds)
        ip = address?.ipAddress ?? ""
        port = address?.port ?? 0
    }

    /// Something was read. On the event loop.
    func noteActivity() {
        lastActivity.store(SystemTime().wallTime.nanoseconds, ordering: .relaxed)
    }

    /// Adds what was published. On the event loop.
    func add(_ traffic: Traffic) {
        guard traffic.inMessages > 0 else { return }
        inMessages.store(inMessages.load(ordering: .relaxed) &+ traffic.inMessages, ordering: .relaxed)
        inBytes.store(inBytes.load(ordering: .relaxed) &+ traffic.inBytes, ordering: .relaxed)
    }

    /// The client took so long to answer a PING.
    func noteRoundTrip(_ time: TimeAmount) {
        roundTrip.store(time.nanoseconds, ordering: .relaxed)
    }

    /// Everything but what the outbox knows.
    func snapshot(id: Int) -> ConnectionSnapshot {
        let client = client.withLock { $0 }
        let roundTrip = roundTrip.load(ordering: .relaxed)
        return ConnectionSnapshot(
            id: id, ip: ip, port: port, start: start, lastActivity: Timestamp(nanoseconds: lastActivity.load(ordering: .relaxed)),
            roundTrip: roundTrip < 0 ? nil : .nanoseconds(roundTrip), inMessages: inMessages.load(ordering: .relaxed),
            inBytes: inBytes.load(ordering: .relaxed), subscriptions: subscriptions.count, name: client.name,
            language: client.language, version: client.version, user: client.user, tlsVersion: client.tlsVersion)
    }
}
