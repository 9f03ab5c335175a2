import NIOCore
import NIOPosix
import NIOSSL

/// Encrypts a client's connections.
struct TLSDialer: Sendable {
    private let configuration: ClientTLSConfiguration

    init(_ configuration: ClientTLSConfiguration?) {
        self.configuration = configuration ?? ClientTLSConfiguration()
    }

    var handshakeFirst: Bool { configuration.handshakeFirst }

    /// Puts TLS in front of all a channel's handlers, once the files were read, which happens elsewhere: they may have changed since the
    /// last connection.
    func secure(_ channel: any Channel, to address: ServerAddress) -> EventLoopFuture<Void> {
        let configuration = configuration
        return NIOThreadPool.singleton.runIfActive(eventLoop: channel.eventLoop) {
            try NIOSSLContext(configuration: Self.settings(configuration))
        }.flatMapThrowing { context in
            let handler = try NIOSSLClientHandler(context: context, serverHostname: Self.name(configuration, address))
            try channel.pipeline.syncOperations.addHandler(handler, position: .first)
        }.flatMapErrorThrowing { error in
            throw ClientError(.tls, "TLS cannot be used with what is configured: \(error)", cause: error)
        }
    }

    /// IP addresses are compared with the address the connection goes to, and cannot be sent as names.
    private static func name(_ configuration: ClientTLSConfiguration, _ address: ServerAddress) -> String? {
        if let name = configuration.serverName { return name }
        let isNumeric = (try? SocketAddress(ipAddress: address.host, port: address.port)) != nil
        return isNumeric ? nil : address.host
    }

    private static func settings(_ configuration: ClientTLSConfiguration) throws -> TLSConfiguration {
        var settings = TLSConfiguration.makeClientConfiguration()
        settings.minimumTLSVersion = .tlsv12
        if let file = configuration.authorityFile { settings.trustRoots = .file(file) }
        if let file = configuration.additionalAuthorityFile { settings.additionalTrustRoots = [.file(file)] }
        if let file = configuration.certificateFile {
            settings.certificateChain = try NIOSSLCertificate.fromPEMFile(file).map { .certificate($0) }
        }
        if let file = configuration.keyFile { settings.privateKey = .privateKey(try NIOSSLPrivateKey(file: file, format: .pem)) }
        return settings
    }
}

extension ClientError {
    /// What a failure of the channel means.
    init(breaking error: any Error, _ address: ServerAddress) {
        switch error {
        case let error as ClientError: self = error
        case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError:
            self.init(.tls, "no TLS connection with \(address): \(error)", cause: error)
        default: self.init(.connectionLost, "the connection to \(address) broke: \(error)", cause: error)
        }
    }
}
