import RivuletSubscriptions
import Synchronization

extension RivuletClient {
    /// Ends in order: subscriptions get no more messages, those that have arrived are read to their end, what was published is
    /// sent, and the client closes. Requests and publishing work until then.
    public func drain() async {
        await evenIfCancelled { await self.drainNow() }
    }

    private func drainNow() async {
        let sids = core.subscriptions.startDraining()
        for sid in sids { core.sendUnsubscribe(sid) }
        // When the PONG is here, so is every message the server had for them.
        try? await flush()
        core.subscriptions.end(sids)
        await readers(atMost: configuration.drainTimeout)
        await closeNow()
    }

    /// Sends what was published, if there is a connection, and closes. Requests under way fail, sequences end. Returns when all is
    /// closed; safe to call more than once.
    public func close() async {
        await evenIfCancelled { await self.closeNow() }
    }

    private func closeNow() async {
        await owners?.close()
        if isConnected, !core.isClosing { try? await flush(timeout: .seconds(1)) }
        core.beginClosing()
        supervisor.cancel()
        await supervisor.value
    }

    /// Runs `body` in a task of its own: whoever is cancelled ends its client all the same, and what it published is to be sent. What `body`
    /// waits for has a time limit.
    private func evenIfCancelled(_ body: @escaping @Sendable () async -> Void) async {
        await Task { await body() }.value
    }

    /// Waits until the readers of subscriptions have been told that they ended, or are gone.
    private func readers(atMost limit: Duration) async {
        let deadline = core.time.now + limit
        while core.time.now < deadline, channels.withLock({ $0.values.contains { $0.channel?.isRead == false } }) {
            do {
                try await Task.sleep(for: .milliseconds(2))
            } catch {
                return
            }
        }
    }
}

/// Connects, runs `body`, and closes the client, also when `body` throws.
///
/// - Parameter urls: `nats://host:port`, `host:port` or `host`; none for `nats://localhost:4222`.
/// - Throws: ``ClientError`` when no server can be reached, and what `body` throws.
public func withRivuletClient<Result>(
    _ urls: String..., configuration: ClientConfiguration = ClientConfiguration(), isolation: isolated (any Actor)? = #isolation,
    _ body: (RivuletClient) async throws -> Result
) async throws -> Result {
    let client = try await RivuletClient.connect(urls, configuration: configuration)
    do {
        let result = try await body(client)
        await client.close()
        return result
    } catch {
        await client.close()
        throw error
    }
}
