extension Broker {
    /// Most time between two disconnections, so that a drain with few clients is a short one.
    private static let longestPause: Duration = .seconds(1)

    /// Lets clients leave: accepts no new ones, and tells those there are that the server is going to leave (INFO with `ldm`). When
    /// ``BrokerConfiguration/lameDuckGracePeriod`` has passed and `work` is done, those who have not left are disconnected one after
    /// another, evenly over what is left of ``BrokerConfiguration/lameDuckDuration``, so that they do not all connect elsewhere at once.
    /// What waits for a client is written before it is disconnected; one that does not read it has
    /// ``BrokerConfiguration/closeGrace``. Messages are taken and delivered all the while.
    ///
    /// - Parameter work: What is still to be done for clients, such as answering their requests. Returns after it.
    public func drain(finishing work: @escaping @Sendable () async -> Void = {}) async {
        let end = ContinuousClock.now + configuration.lameDuckDuration
        await stopListening()
        registry.signal(.lameDuck)
        await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                await work()
                return true
            }
            group.addTask {
                try? await Task.sleep(until: end)
                return false
            }
            await registry.waitUntilEmpty(atMost: min(configuration.lameDuckGracePeriod, configuration.lameDuckDuration))
            let isDone = await group.next() == true
            // Only the timer is left then.
            if isDone { group.cancelAll() }
            await disconnect(until: end)
        }
        registry.signal(.end)
        await registry.waitUntilEmpty(atMost: configuration.closeGrace * 2)
    }

    private func disconnect(until end: ContinuousClock.Instant) async {
        let outboxes = registry.all()
        let start = ContinuousClock.now
        let pause = min(max(.zero, end - start) / max(1, outboxes.count), Self.longestPause)
        for (number, outbox) in outboxes.enumerated() {
            // With many clients, several are due at a time.
            let wait = start + pause * number - .now
            if wait > .milliseconds(1) { await registry.waitUntilEmpty(atMost: wait) }
            if registry.count == 0 { return }
            outbox.signal(.end)
        }
        await registry.waitUntilEmpty(atMost: max(.zero, end - .now))
    }
}
