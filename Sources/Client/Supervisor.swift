import Logging
import NIOCore
import RivuletSubscriptions

/// Keeps a client connected until it closes.
struct Supervisor: Sendable {
    let core: ClientCore
    let requester: Requester
    let connector: Connector
    let statuses: StatusBroadcast
    let owners: OwnerCarrier?

    /// Returns when the client has closed.
    func run(_ first: Connector.Connection) async {
        await withDiscardingTaskGroup { group in
            if let owners {
                group.addTask { await owners.run() }
            }
            await keepConnected(first)
            group.cancelAll()
        }
    }

    private func keepConnected(_ first: Connector.Connection) async {
        var connection: Connector.Connection? = first
        while let current = connection {
            let reason = await ending(of: current)
            requester.fail(before: core.outbox.connection, BusError(.disconnected, "the connection was lost before the reply came"))
            if core.isClosing { break }
            core.configuration.logger.warning("disconnected", metadata: ["reason": "\(reason)"])
            statuses.send(.disconnected(reason))
            connection = await reconnect(after: current.address)
            guard let next = connection else { break }
            core.configuration.logger.info("reconnected", metadata: ["server": "\(next.address)"])
            statuses.send(.reconnected(next.address))
        }
        core.finish()
        requester.close()
        statuses.close()
    }

    private func ending(of connection: Connector.Connection) async -> ClientError {
        do {
            return try await connection.ended.get()
        } catch {
            return ClientError(.connectionLost, "\(error)", cause: error)
        }
    }

    private func reconnect(after lost: ServerAddress) async -> Connector.Connection? {
        let configuration = core.configuration
        var wait = configuration.reconnectWait
        var round = 0
        var refusals = 0
        while !core.isClosing, round < configuration.maximumReconnectRounds ?? .max {
            round += 1
            statuses.send(.reconnecting(round: round))
            do {
                return try await connector.connect(after: lost, isFirst: false)
            } catch {
                configuration.logger.debug("cannot reconnect", metadata: ["round": "\(round)", "reason": "\(error)"])
                // Once may be bad luck, while a server's settings are being changed; knocking for ever changes nobody's mind.
                refusals = error.code == .unauthorized ? refusals + 1 : 0
                if refusals == 2 {
                    statuses.send(.disconnected(error))
                    break
                }
            }
            // Cut short when the client closes.
            try? await Task.sleep(for: wait * Double.random(in: 0.5...1))
            wait = min(wait * 2, configuration.maximumReconnectWait)
        }
        if !core.isClosing { configuration.logger.error("giving up to reconnect", metadata: ["rounds": "\(round)"]) }
        return nil
    }
}
