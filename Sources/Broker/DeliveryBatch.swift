/// What publishing left to do: which outboxes to flush, and what to count.
struct DeliveryBatch {
    /// Outboxes that this publisher was the first to append to. Each is in here once, since only the first append asks for a flush.
    var toFlush: [Outbox] = []
    /// Something that is behind.
    var congested: (any Backlog)?
    var traffic = Traffic()
    /// Memory for what follows the sid of a frame, which the next message uses again.
    var tail: [UInt8] = []

    mutating func note(_ appended: Outbox.Appended, at outbox: Outbox) {
        if appended.contains(.needsFlush) { toFlush.append(outbox) }
        if appended.contains(.congested) { congested = outbox }
    }
}

/// What waits to leave, and may be so much that those who add to it should pause.
protocol Backlog: AnyObject, Sendable {
    var isCongested: Bool { get }
}

extension Outbox: Backlog {}
