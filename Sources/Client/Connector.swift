import NIOCore
import NIOPosix
import RivuletSubscriptions

/// Makes connections, first and later ones.
struct Connector: Sendable {
    let core: ClientCore
    let requester: Requester
    let statuses: StatusBroadcast

    /// A connection that can be used.
    struct Connection: Sendable {
        let address: ServerAddress
        let ended: EventLoopFuture<ClientError>
    }

    /// Connects to the first server that lets it.
    ///
    /// - Throws: ``ClientError`` that says why each of them does not.
    func connect(after lost: ServerAddress?, isFirst: Bool) async throws(ClientError) -> Connection {
        var failures: [ClientError] = []
        for address in core.pool.order(after: lost) {
            if core.isClosing || Task.isCancelled { break }
            do throws(ClientError) {
                return try await connect(to: address, isFirst: isFirst)
            } catch {
                failures.append(error)
            }
        }
        if failures.count == 1, let only = failures.first { throw only }
        let isUnauthorized = !failures.isEmpty && failures.allSatisfy { $0.code == .unauthorized }
        throw ClientError(
            isUnauthorized ? .unauthorized : .cannotConnect, "no server can be reached: " + failures.map(\.message).joined(separator: "; "))
    }

    private func connect(to address: ServerAddress, isFirst: Bool) async throws(ClientError) -> Connection {
        let channel: any Channel
        do {
            channel = try await ClientBootstrap(group: Self.loop)
                .connectTimeout(TimeAmount(core.configuration.connectTimeout))
                .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .channelOption(.maxMessagesPerRead, value: 1)
                .channelOption(.autoRead, value: false)
                .channelOption(.recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 2048, initial: 8192, maximum: 262_144))
                .connect(host: address.host, port: address.port)
                .get()
        } catch {
            throw ClientError(.cannotConnect, "\(address) cannot be reached: \(reason(for: error))", cause: error)
        }
        return try await greet(channel, address, isFirst: isFirst)
    }

    /// That of this thread, if it has one: what is sent from there is written there.
    private static var loop: any EventLoop {
        let all = MultiThreadedEventLoopGroup.singleton
        guard let own = MultiThreadedEventLoopGroup.currentEventLoop, all.makeIterator().contains(where: { $0 === own }) else {
            return all.next()
        }
        return own
    }

    private func greet(_ channel: any Channel, _ address: ServerAddress, isFirst: Bool) async throws(ClientError) -> Connection {
        let ready = channel.eventLoop.makePromise(of: Void.self)
        let ended = channel.eventLoop.makePromise(of: ClientError.self)
        let secured = core.dialer.handshakeFirst ? core.dialer.secure(channel, to: address) : channel.eventLoop.makeSucceededVoidFuture()
        let added = secured.flatMapThrowing {
            let handler = ClientHandler(core, requester, statuses, address, isFirst: isFirst, ready: ready, ended: ended)
            try channel.pipeline.syncOperations.addHandler(handler)
        }
        do {
            try await added.get()
        } catch {
            // Without a handler nobody else keeps these promises.
            let lost = ClientError(breaking: error, address)
            channel.close(promise: nil)
            ready.fail(lost)
            ended.succeed(lost)
            throw lost
        }
        if !core.adopt(channel) { channel.close(promise: nil) }
        do {
            try await ready.futureResult.get()
        } catch {
            throw error as? ClientError ?? ClientError(.cannotConnect, "\(address) cannot be used: \(error)", cause: error)
        }
        return Connection(address: address, ended: ended.futureResult)
    }

    private func reason(for error: any Error) -> String {
        switch error {
        case let error as NIOConnectionError:
            if let first = error.connectionErrors.first { return reason(for: first.error) }
            return "its name is not known"
        case let error as IOError: return String(cString: strerror(error.errnoCode))
        case ChannelError.connectTimeout: return "no answer in time"
        default: return "\(error)"
        }
    }
}
