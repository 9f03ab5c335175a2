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

    /// Delivers messages of the process, many to a connection at a time. Pauses now and then while a connection is behind, as the
    /// broker does with publishers on the network, and not longer: a connection that has stopped reading holds nobody.
    ///
    /// - Throws: ``RivuletSubscriptions/BusError`` as ``publish(_:)``.
    public func publish(_ run: MessageRun) async throws(BusError) {
        var failure: BusError?
        var next = 0
        while next < run.count {
            guard !isClosed else { throw BusError(.closed, "the broker is closed") }
            var batch = DeliveryBatch()
            next = deliver(run, from: next, into: &batch, &failure)
            send(batch)
            if let congested = batch.congested { await pause(for: congested) } else { await Task.yield() }
        }
        if let failure { throw failure }
    }

    func pause(for congested: any Backlog) async {
        let clock = ContinuousClock()
        let end = clock.now + configuration.maximumStall
        while congested.isCongested, clock.now < end, (try? await Task.sleep(for: .milliseconds(1))) != nil {}
    }

    /// Delivers messages, as many as belong together.
    ///
    /// - Returns: The number of the first that is left.
    private func deliver(_ messages: MessageRun, from start: Int, into batch: inout DeliveryBatch, _ failure: inout BusError?) -> Int {
        let subject = Array(messages.subject.utf8)
        let route = router.processRoute(for: subject.span)
        var run = PublishRun()
        var bytes: [UInt8] = []
        var next = start
        while next < messages.count, !run.isFull, bytes.count < configuration.writeSize, route.takesRuns {
            let payload = messages.range(next)
            guard payload.count <= configuration.limits.payload else { break }
            run.append(subject.span, messages.bytes.span.extracting(payload), to: &bytes)
            next += 1
        }
        if next > start {
            router.deliver(run, in: bytes.span, of: nil, along: route, reach: messages.reach, echoless: nil, into: &batch)
            return next
        }
        let end = min(start + PublishRun.longest, messages.count)
        for number in start..<end {
            do throws(BusError) { try publish(messages.message(number)) } catch { failure = failure ?? error }
        }
        return end
    }

    func send(_ batch: DeliveryBatch) {
        router.counters.add(batch.traffic)
        // Later also on the outbox's own event loop: a subscriber that answers while a read is handled adds to the write that follows.
        for outbox in batch.toFlush { outbox.flushLater() }
    }

    /// Subscribes in the process. `receive` is called on the publisher's thread.
    ///
    /// - Throws: ``RivuletSubscriptions/BusError`` with `closed` after ``shutdown()``.
    public func attach(
        _ pattern: SubjectPattern, queue: String?, _ receive: @escaping @Sendable (BusMessage) -> Void
    ) throws(BusError) -> Attachment {
        guard !isClosed else { throw BusError(.closed, "the broker is closed") }
        try QueueName.check(queue)
        let subscriber = Subscriber(pattern, queue: queue, receive)
        router.processSubscribers.withLock { $0[ObjectIdentifier(subscriber)] = subscriber }
        router.interest.insert(subscriber, pattern, queue: queue)
        return Attachment { [router] in
            router.interest.remove(CollectionOfOne(subscriber))
            router.processSubscribers.withLock { $0[ObjectIdentifier(subscriber)] = nil }
        }
    }

    /// That of the event loop whose thread this is.
    public var deliveringThread: (any DeliveringThread)? { LoopExecutor.current }

    @discardableResult
    private func deliver(_ message: BusMessage) -> Bool {
        var batch = DeliveryBatch()
        let turn = turn.wrappingAdd(1, ordering: .relaxed).newValue
        let spans = message.headers.isEmpty ? nil : router.beginSpans(of: message)
        let anybody = router.deliver(message, turn: turn, into: &batch)
        spans?.end(deliveries: batch.traffic.outMessages)
        send(batch)
        return anybody
    }
}
