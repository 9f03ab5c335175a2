import RivuletBroker
import RivuletWire
import Testing

/// What becomes of clients who do not talk TLS to a broker that does.
@Suite(.timeLimit(.minutes(1)))
struct TLSTests {
    private static func tls() -> BrokerTLSConfiguration {
        let folder = "/" + #filePath.split(separator: "/").dropLast(2).joined(separator: "/") + "/Certificates/"
        return BrokerTLSConfiguration(certificateFile: folder + "server.pem", keyFile: folder + "server-key.pem")
    }

    @Test func infoAsksForTLSAndNothingElseIsUnderstood() async throws {
        try await withBroker {
            $0.tls = Self.tls()
            $0.authenticationTimeout = .seconds(50)
        } _: { broker, address in
            let (client, info) = try await TestClient.connect(to: address)
            #expect(info.tlsRequired)
            client.send("CONNECT {\"verbose\":false}\r\nPUB a 0\r\n\r\nPING\r\n")
            let answer = await client.rest()
            // An alert, in the form TLS has for it, or nothing.
            #expect(answer.isEmpty || answer.first == 21)
            #expect(broker.statistics.inMessages == 0)
        }
    }

    @Test(arguments: [BrokerTLSConfiguration.ClientCertificates.ignored, .required, .identify])
    func infoTellsWhetherClientsNeedCertificates(certificates: BrokerTLSConfiguration.ClientCertificates) async throws {
        try await withBroker {
            var tls = Self.tls()
            tls.clientCertificates = certificates
            $0.tls = tls
        } _: { _, address in
            let (_, info) = try await TestClient.connect(to: address)
            #expect(info.tlsVerify == (certificates != .ignored))
        }
    }

    @Test(arguments: [[], [0x16], [0x16, 3, 1, 2, 0, 1]] as [[UInt8]], [false, true])
    func whoDoesNotFinishTheHandshakeIsCutInTime(said: [UInt8], requiresLogin: Bool) async throws {
        try await withBroker {
            var tls = Self.tls()
            tls.handshakeTimeout = .milliseconds(100)
            $0.tls = tls
            $0.authenticationTimeout = .seconds(60)
            if requiresLogin { $0.auth = AuthConfiguration(token: Secret("t")) }
        } _: { broker, address in
            let (client, _) = try await TestClient.connect(to: address)
            if !said.isEmpty { client.send(said) }
            await client.expectEnd()
        }
    }

    @Test func whereTheServerIsFullThatIsToldBeforeTLS() async throws {
        try await withBroker {
            $0.tls = Self.tls()
            $0.maximumConnections = 0
        } _: { _, address in
            let (client, _) = try await TestClient.connect(to: address)
            await client.expectEnd("-ERR 'Maximum Connections Exceeded'\r\n")
        }
    }
}
