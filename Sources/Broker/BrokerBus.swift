public import RivuletSubscriptions
import RivuletWire
import Synchronization

extension Broker: MessageBus {
    /// Delivers a message of the process. Subscribers in the process are called before this returns.
    ///
    /// - Throws: ``RivuletSubscriptions/BusError`` with `closed` after ``shutdown()``, or `limit` if the message is larger than the
    ///   broker allows or its subject has too many tokens.
    public func publish(_ message: BusMessage) throws(BusError) {
        guard !isClosed else { throw BusError(.closed, "the broker is closed") }
        guard message.payload.count <= configuration.limits.payload else {
            throw BusError(.limit, "a payload of \(message.payload.count) bytes is more than the \(configuration.limits.payload) allowed")
        }
        if !deliver(message), let reply = message.reply {
            deliver(BusMessage(subject: reply, headers: NoResponders(subject: message.subject.utf8).headers))
        }
    }

    /// Subscribes in the process. `receive` is called on the publisher's thread.
    ///
    /// - Throws: ``RivuletSubscriptions/BusError`` with `closed` after ``shutdown()``.
    public func attach(
        _ pattern: SubjectPattern, queue: String?, _ receive: @escaping @Sendable (BusMessage) -> Void
    ) throws(BusError) -> Attachment {
        guard !isClosed else { throw BusError(.closed, "the broker is closed") }
        let subscriber = Subscriber(receive)
        router.interest.insert(subscriber, pattern, queue: queue)
        return Attachment { [router] in router.interest.remove(CollectionOfOne(subscriber)) }
    }

    @discardableResult
    private func deliver(_ message: BusMessage) -> Bool {
        var batch = DeliveryBatch()
        let subject = Array(message.subject.utf8)
        let route = router.processRoute(for: subject.span)
        let turn = turn.wrappingAdd(1, ordering: .relaxed).newValue
        let spans = message.headers.isEmpty ? nil : router.beginSpans(of: message)
        let anybody = router.deliver(message, subject: subject.span, along: route, turn: turn, into: &batch)
        spans?.end(deliveries: batch.traffic.outMessages)
        router.counters.add(batch.traffic)
        // Later also on the outbox's own event loop: a subscriber that answers while a read is handled adds to the write that follows.
        for outbox in batch.toFlush { outbox.flushLater() }
        return anybody
    }
}
