/// What publishing left to do: which outboxes to flush, and what to count.
struct DeliveryBatch {
    /// Outboxes that this publisher was the first to append to. Each is in here once, since only the first append asks for a flush.
    var toFlush: [Outbox] = []
    /// An outbox whose consumer is behind.
    var congested: Outbox?
    var traffic = Traffic()

    mutating func note(_ appended: Outbox.Appended, at outbox: Outbox) {
        if appended.contains(.needsFlush) { toFlush.append(outbox) }
        if appended.contains(.congested) { congested = outbox }
    }
}
