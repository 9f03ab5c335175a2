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
    /// Messages handed to other nodes, each once however many nodes want it.
    public var relayedOutMessages = 0
    /// Bytes of headers and payload handed to other nodes.
    public var relayedOutBytes = 0
    /// Messages that came from other nodes.
    public var relayedInMessages = 0
    /// Bytes of headers and payload that came from other nodes.
    public var relayedInBytes = 0
    /// Messages for other nodes that were dropped, since too much waited or the store did not take them.
    public var relayedDropped = 0
}

/// The broker's counts. Publishers add once per read, not per message.
final class Counters: Sendable {
    let totalConnections = Atomic(0)
    let inMessages = Atomic(0)
    let inBytes = Atomic(0)
    let outMessages = Atomic(0)
    let outBytes = Atomic(0)
    let slowConsumers = Atomic(0)
    let relayedOutMessages = Atomic(0)
    let relayedOutBytes = Atomic(0)
    let relayedInMessages = Atomic(0)
    let relayedInBytes = Atomic(0)
    let relayedDropped = Atomic(0)

    func add(_ traffic: Traffic) {
        inMessages.wrappingAdd(traffic.inMessages, ordering: .relaxed)
        inBytes.wrappingAdd(traffic.inBytes, ordering: .relaxed)
        if traffic.relayed.messages > 0 { add(traffic.relayed) }
        guard traffic.outMessages > 0 else { return }
        outMessages.wrappingAdd(traffic.outMessages, ordering: .relaxed)
        outBytes.wrappingAdd(traffic.outBytes, ordering: .relaxed)
    }

    /// Counts what came from other nodes, and was published there.
    func add(relayed traffic: inout Traffic) {
        relayedInMessages.wrappingAdd(traffic.inMessages, ordering: .relaxed)
        relayedInBytes.wrappingAdd(traffic.inBytes, ordering: .relaxed)
        traffic.inMessages = 0
        traffic.inBytes = 0
    }

    private func add(_ relayed: Traffic.Relayed) {
        relayedOutMessages.wrappingAdd(relayed.messages &- relayed.dropped, ordering: .relaxed)
        relayedOutBytes.wrappingAdd(relayed.bytes, ordering: .relaxed)
        relayedDropped.wrappingAdd(relayed.dropped, ordering: .relaxed)
    }
}

/// Messages in and out during one read.
struct Traffic {
    /// To other nodes.
    struct Relayed {
        var messages = 0
        var bytes = 0
        /// How many of the messages were not taken, and are not in the bytes.
        var dropped = 0
    }

    var inMessages = 0
    var inBytes = 0
    var outMessages = 0
    var outBytes = 0
    var relayed = Relayed()
}
