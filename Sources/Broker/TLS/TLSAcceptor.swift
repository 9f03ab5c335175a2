import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// Encrypts the connections a broker accepts, with the certificates it read last.
final class TLSAcceptor: Sendable {
    /// What was read from the files that settings name.
    struct Material: Sendable {
        let configuration: BrokerTLSConfiguration
        fileprivate let context: NIOSSLContext

        /// Reads the files.
        ///
        /// - Throws: ``BrokerError`` with `cannotUseTLS`.
        static func read(_ configuration: BrokerTLSConfiguration) async throws(BrokerError) -> Material {
            do {
                let context = try await NIOThreadPool.singleton.runIfActive {
                    try NIOSSLContext(configuration: TLSAcceptor.settings(configuration))
                }
                return Material(configuration: configuration, context: context)
            } catch {
                throw BrokerError(.cannotUseTLS, "TLS cannot be used with the files that are configured: \(error)", cause: error)
            }
        }
    }

    private let current: Mutex<Material>

    init(_ material: Material) {
        current = Mutex(material)
    }

    /// Connections made from now on use this.
    func change(to material: Material) {
        current.withLock { $0 = material }
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

    fileprivate static func settings(_ configuration: BrokerTLSConfiguration) throws -> TLSConfiguration {
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
