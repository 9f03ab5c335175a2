import Logging
import RivuletSubscriptions
import Synchronization

extension OwnerCarrier {
    private enum Ending: Sendable {
        case idle
        /// The owner is about to go away.
        case lameDuck
        case lost
    }

    /// Makes connections to owners and keeps them, until ``close()`` or the task is cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            do {
                for try await owner in wanted {
                    group.addTask { await self.keep(owner) }
                }
            } catch {
                // It ends without an error.
            }
        }
    }

    /// Sends what was published to owners, and ends the connections.
    func close() async {
        wanted.finish()
        let clients = state.withLock { state in
            state.isClosed = true
            return state.links.values.map(\.client)
        }
        await withDiscardingTaskGroup { group in
            for client in clients {
                group.addTask { await client.close() }
            }
        }
    }

    /// Forgets a connection, and has requests that wait look for another way.
    func lose(_ number: Int, avoided: Bool) {
        let released = state.withLock { state in
            state.lose(number, avoidedUntil: avoided ? core.time.now + limits.retryAfter : nil)
            defer { state.waiting = [:] }
            return state.waiting.values.flatMap(\.values)
        }
        for request in released { request.resume() }
    }

    private func keep(_ owner: WantedOwner) async {
        var configuration = core.configuration
        configuration.followsOwners = false
        // With nowhere else to go, it stays with an owner that is about to go away until that has answered.
        configuration.usesLearnedServers = false
        configuration.maximumReconnectRounds = 0
        configuration.logger = Logger(label: "rivulet.client") { _ in SwiftLogNoOpLogHandler() }
        let client: RivuletClient
        do throws(ClientError) {
            client = try await RivuletClient.connect(to: [owner.address], configuration: configuration)
        } catch {
            core.configuration.logger.debug("cannot reach an owner", metadata: ["reason": "\(error)"])
            state.withLock { $0.addresses.ended(owner.name, avoidedUntil: core.time.now + limits.retryAfter) }
            return
        }
        let number = state.withLock { state -> Int? in
            if state.isClosed { return nil }
            let number = state.addresses.connected(owner.name)
            state.links[number] = OwnerLink(name: owner.name, client: client)
            return number
        }
        if let number {
            let ending = await ending(of: number, client)
            core.configuration.logger.debug("left an owner", metadata: ["owner": "\(owner.name)", "reason": "\(ending)"])
            lose(number, avoided: ending != .idle)
            if ending == .lameDuck { await answers(over: client) }
        }
        await client.close()
    }

    private func ending(of number: Int, _ client: RivuletClient) async -> Ending {
        await withTaskGroup(of: Ending.self) { group in
            group.addTask {
                for await status in client.status {
                    if case .lameDuck = status { return .lameDuck }
                }
                return .lost
            }
            group.addTask {
                await self.idling(number)
                return .idle
            }
            defer { group.cancelAll() }
            return await group.next() ?? .lost
        }
    }

    /// Returns when nothing is awaited any more, or nothing will come.
    private func answers(over client: RivuletClient) async {
        while client.isConnected, !client.requester.isIdle {
            do {
                try await Task.sleep(for: .milliseconds(10))
            } catch {
                return
            }
        }
    }

    /// Returns when nothing was sent for a while, and nothing is awaited.
    private func idling(_ number: Int) async {
        var seen: UInt64?
        while true {
            let isIdle = state.withLock { state in
                guard let link = state.links[number] else { return true }
                defer { seen = link.messages }
                guard seen == link.messages, link.underWay == 0 else { return false }
                state.lose(number, avoidedUntil: nil)
                return true
            }
            if isIdle { return }
            do {
                try await Task.sleep(for: limits.idle)
            } catch {
                return
            }
        }
    }
}
