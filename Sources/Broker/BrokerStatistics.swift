import Synchronization

/// What a broker has done, at one moment. Counts start with the broker and do not go back, but for the current numbers.
public struct BrokerStatistics: Sendable, Hashable {
    /// Connections there are now.
    public var connections = 0
    /// Connections there have been.
    public var totalConnections = 0
    /// Subscriptions there are now, those in the process included.
    public var subscriptions = 0
    /// Messages published.
    public var inMessages = 0
    /// Bytes of headers and payload published.
    public var inBytes = 0
    /// Messages delivered.
    public var outMessages = 0
    /// Bytes of headers and payload delivered.
    public var outBytes = 0
    /// Bytes that wait for connections to read them now.
    public var pendingBytes = 0
    /// Connections cut because they read too slowly.
    public var slowConsumers = 0
}

/// The broker's counts. Publishers add once per read, not per message.
final class Counters: Sendable {
    let totalConnections = Atomic(0)
    let inMessages = Atomic(0)
    let inBytes = Atomic(0)
    let outMessages = Atomic(0)
    let outBytes = Atomic(0)
    let slowConsumers = Atomic(0)

    func add(_ traffic: Traffic) {
        inMessages.wrappingAdd(traffic.inMessages, ordering: .relaxed)
        inBytes.wrappingAdd(traffic.inBytes, ordering: .relaxed)
        guard traffic.outMessages > 0 else { return }
        outMessages.wrappingAdd(traffic.outMessages, ordering: .relaxed)
        outBytes.wrappingAdd(traffic.outBytes, ordering: .relaxed)
    }
}

/// Messages in and out during one read.
struct Traffic {
    var inMessages = 0
    var inBytes = 0
    var outMessages = 0
    var outBytes = 0
}
