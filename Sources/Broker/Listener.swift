import NIOCore
import NIOPosix

/// A port that a broker takes connections at.
struct Listener {
    private let channel: any Channel
    /// Where it is, with the port that was found if any would do.
    let address: Broker.Address

    /// Begins to listen.
    ///
    /// - Parameter initialize: Sets a new connection up, on its event loop.
    static func open(
        at place: Broker.Address, _ initialize: @escaping @Sendable (any Channel) throws -> Void
    ) async throws(BrokerError) -> Listener {
        do {
            let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .serverChannelOption(.backlog, value: 1024)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
                .childChannelOption(.maxMessagesPerRead, value: 1)
                .childChannelOption(.autoRead, value: false)
                .childChannelOption(
                    .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 2048, initial: 8192, maximum: 262_144)
                )
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture { try initialize(channel) }
                }
                .bind(host: place.host, port: place.port)
                .get()
            let address = Broker.Address(host: place.host, port: channel.localAddress?.port ?? place.port, scheme: place.scheme)
            return Listener(channel: channel, address: address)
        } catch {
            throw Self.error(for: error, place)
        }
    }

    /// Takes no more connections.
    func close() async {
        try? await channel.close().get()
    }

    private static func error(for error: any Error, _ place: Broker.Address) -> BrokerError {
        if let error = error as? IOError, error.errnoCode == EADDRINUSE {
            return BrokerError(.addressInUse, "cannot listen at \(place): another program does; choose another port", cause: error)
        }
        return BrokerError(.cannotListen, "cannot listen at \(place): \(error)", cause: error)
    }
}
