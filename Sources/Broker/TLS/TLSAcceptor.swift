import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// Encrypts the connections a broker accepts, with the certificates it read last.
final class TLSAcceptor: Sendable {
    private struct Current {
        var configuration: BrokerTLSConfiguration
        var context: NIOSSLContext
    }

    private let current: Mutex<Current>

    private init(_ current: Current) {
        self.current = Mutex(current)
    }

    /// Reads the files.
    ///
    /// - Throws: ``BrokerError`` with `cannotUseTLS`.
    static func open(_ configuration: BrokerTLSConfiguration) async throws(BrokerError) -> TLSAcceptor {
        TLSAcceptor(Current(configuration: configuration, context: try await read(configuration)))
    }

    /// Reads the files anew; connections made from now on use them. If that fails all stays as it was.
    func reload(_ configuration: BrokerTLSConfiguration) async throws(BrokerError) {
        let next = Current(configuration: configuration, context: try await Self.read(configuration))
        current.withLock { $0 = next }
    }

    var configuration: BrokerTLSConfiguration { current.withLock { $0.configuration } }

    /// What encrypts one connection.
    func makeHandler() -> NIOSSLServerHandler {
        NIOSSLServerHandler(context: current.withLock { $0.context })
    }

    /// The names in a client's certificate; nil if they do not count. On the channel's event loop.
    func certificateNames(of channel: any Channel) -> [String]? {
        guard configuration.clientCertificates == .identify else { return nil }
        guard let certificate = try? channel.pipeline.syncOperations.nioSSL_peerCertificate() else { return [] }
        let names = certificate._subjectAlternativeNames()
        return [_SubjectAlternativeName.NameType.email, .dnsName, .uri].flatMap { type in
            names.compactMap { name in
                guard name.nameType == type else { return nil }
                return name.contents.withUnsafeBufferPointer { String(validating: $0, as: UTF8.self) }
            }
        }
    }

    /// The version a connection is encrypted with, as `1.3`; nil if it is not, yet. On the channel's event loop.
    func version(of channel: any Channel) -> String? {
        switch try? channel.pipeline.syncOperations.nioSSL_tlsVersion() {
        case .tlsv12: "1.2"
        case .tlsv13: "1.3"
        default: nil
        }
    }

    private static func read(_ configuration: BrokerTLSConfiguration) async throws(BrokerError) -> NIOSSLContext {
        do {
            return try await NIOThreadPool.singleton.runIfActive { try NIOSSLContext(configuration: settings(configuration)) }
        } catch {
            throw BrokerError(.cannotUseTLS, "TLS cannot be used with the files that are configured: \(error)", cause: error)
        }
    }

    private static func settings(_ configuration: BrokerTLSConfiguration) throws -> TLSConfiguration {
        let chain = try NIOSSLCertificate.fromPEMFile(configuration.certificateFile).map { NIOSSLCertificateSource.certificate($0) }
        let key = try NIOSSLPrivateKey(file: configuration.keyFile, format: .pem)
        var settings = TLSConfiguration.makeServerConfiguration(certificateChain: chain, privateKey: .privateKey(key))
        settings.minimumTLSVersion = .tlsv12
        if configuration.clientCertificates != .ignored {
            // Clients have no host name that could be compared.
            settings.certificateVerification = .noHostnameVerification
            settings.trustRoots = configuration.authorityFile.map { .file($0) } ?? .default
        }
        return settings
    }
}
