/// What encrypts a broker's connections.
struct TLSAcceptors: Sendable {
    /// For those that have none of their own; nil if they are not encrypted.
    private(set) var all: TLSAcceptor?
    /// For WebSockets, if they have their own.
    private(set) var webSocket: TLSAcceptor?

    /// Reads the files.
    ///
    /// - Throws: ``BrokerError`` with `cannotUseTLS`.
    static func open(_ configuration: BrokerConfiguration) async throws(BrokerError) -> TLSAcceptors {
        var acceptors = TLSAcceptors()
        if let tls = configuration.tls { acceptors.all = TLSAcceptor(try await .read(tls)) }
        if let tls = configuration.webSocket?.tls { acceptors.webSocket = TLSAcceptor(try await .read(tls)) }
        return acceptors
    }

    /// Reads all files before anything changes.
    ///
    /// - Throws: ``BrokerError`` with `cannotUseTLS`.
    func reload(_ tls: BrokerTLSConfiguration?, webSocket: BrokerTLSConfiguration?) async throws(BrokerError) {
        let changes = [try await Self.change(all, to: tls), try await Self.change(self.webSocket, to: webSocket)]
        for case (let acceptor, let material)? in changes { acceptor.change(to: material) }
    }

    private static func change(
        _ acceptor: TLSAcceptor?, to configuration: BrokerTLSConfiguration?
    ) async throws(BrokerError) -> (TLSAcceptor, TLSAcceptor.Material)? {
        guard let configuration else { return nil }
        guard let acceptor else { throw BrokerError(.cannotUseTLS, "the broker was started without TLS") }
        return (acceptor, try await .read(configuration))
    }
}
