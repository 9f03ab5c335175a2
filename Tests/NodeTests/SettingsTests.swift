import Foundation
import Logging
import RivuletSubscriptions
import RivuletWire
import Testing

@testable import Rivulet

/// What flags, environment and file say about who may connect.
@Suite struct SettingsTests {
    private static let key = "UCK5N7N66OBOINFXAYC2ACJQYFSOD4VYNU6APEJTAVFZB2SVHLKGEW7L"

    private func authorization(_ yaml: String) throws -> AuthConfiguration? {
        try SettingsFile(yaml: yaml).authorization?.configuration()
    }

    private func patterns(_ texts: String...) throws -> [SubjectPattern] { try texts.map { try SubjectPattern($0) } }

    @Test func usersAreReadInTheWordsOfNATS() throws {
        let yaml = """
            port: 4333
            authorization:
              timeout: 1.5
              default_permissions:
                publish: [a, "b.*"]
                subscribe: ">"
              users:
                - {user: ann, password: $2a$11$x}
                - user: bob
                  password: b
                  connection_deadline: 2030-01-31T12:00:00Z
                  permissions:
                    publish: {allow: a, deny: [a.b]}
                    subscribe: {deny: c}
                    allow_responses: {max: 5, expires: 1m30s}
                - nkey: \(Self.key)
                  permissions: {allow_responses: true}
                - user: ann@example.org
            """
        var expected = AuthConfiguration()
        expected.defaultPermissions = UserPermissions(
            publish: SubjectPermission(allow: try patterns("a", "b.*")), subscribe: SubjectPermission(allow: try patterns(">")))
        expected.users = [
            .init(name: "ann", password: Secret("$2a$11$x")),
            .init(
                name: "bob", password: Secret("b"),
                permissions: UserPermissions(
                    publish: SubjectPermission(allow: try patterns("a"), deny: try patterns("a.b")),
                    subscribe: SubjectPermission(deny: try patterns("c")),
                    responses: ResponsePermission(maximumMessages: 5, expiry: .seconds(90))),
                deadline: Timestamp("2030-01-31T12:00:00.000000000Z")),
            .init(key: try UserKey(Self.key), permissions: UserPermissions(responses: ResponsePermission())),
            .init(certificateName: "ann@example.org"),
        ]
        #expect(try authorization(yaml) == expected)
        #expect(try SettingsFile(yaml: yaml).authorization?.timeout?.duration == .milliseconds(1500))
        #expect(try SettingsFile(yaml: yaml).values[.port] == "4333")
    }

    @Test func oneUserOrATokenNeedsNoList() throws {
        #expect(
            try authorization("authorization: {user: ann, password: a}")
                == AuthConfiguration(users: [.init(name: "ann", password: Secret("a"))]))
        #expect(try authorization("authorization: {token: t}") == AuthConfiguration(token: Secret("t")))
        #expect(try authorization(#"{"authorization": {"token": "t"}}"#) == AuthConfiguration(token: Secret("t")))
        #expect(try authorization("port: 1") == nil)
        #expect(try authorization("") == nil)
        #expect(try authorization("authorization: {}") == AuthConfiguration())
        #expect(try authorization("authorization: {timeout: 3}") == nil)
    }

    @Test(arguments: [
        "authorization: {users: [{user: hush, password: a}, {user: hush, password: b}]}",
        "authorization: {users: [{password: hush}]}",
        "authorization: {users: [{nkey: hush}]}",
        "authorization: {users: [{user: hush, password: a, nkey: \(key)}]}",
        "authorization: {users: [{user: hush, password: ''}]}",
        "authorization: {users: hush}",
        "authorization: hush",
        "authorization: {token: [hush]}",
        "authorization: {default_permissions: {publish: 'hush..b'}}",
        "authorization: {default_permissions: {publish: {allow: {hush: 1}}}}",
        "authorization: {default_permissions: {allow_responses: {expires: hush}}}",
        "authorization: {users: [{user: hush, password: a, connection_deadline: tomorrow}]}",
        "authorization: {timeout: -1}",
        "authorization: {tokem: hush}",
        "authorization: {default_permissions: {publish: {denny: hush}}}",
        "authorization: {users: [{user: hush, pass: hush}]}",
        "authorization: {token: \"hush",
        "- hush",
    ])
    func whatMakesNoSenseIsRefused(yaml: String) {
        #expect(throws: (any Error).self) { try authorization(yaml) }
    }

    @Test func errorsInFilesNameThePlaceAndQuoteNoSecrets() async throws {
        try await withTemporaryDirectory { directory in
            for (yaml, place) in [
                ("authorization: {token: [hush]}", "token"), ("authorization:\n  token: \"hush\n", "line"),
                ("authorization: {users: [{user: a, password: [hush]}]}", "users.number 1.password"),
            ] {
                let path = directory + "/rivulet.yaml"
                try yaml.write(toFile: path, atomically: true, encoding: .utf8)
                let error = #expect(throws: SettingError.self) { try SettingsFile(path: path) }
                #expect(error?.description.contains("hush") == false)
                #expect(error?.description.contains(path) == true)
                #expect(error?.description.contains(place) == true, "\(error?.description ?? "")")
            }
            #expect(throws: SettingError.self) { try SettingsFile(path: directory + "/none.yaml") }
        }
    }

    @Test func tlsIsReadFromFileAndFlags() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/rivulet.yaml"
            func resolve(_ yaml: String, _ flags: String...) throws -> BrokerTLSConfiguration? {
                try yaml.write(toFile: path, atomically: true, encoding: .utf8)
                return try NodeSettings.resolve(NodeOptions.parse(["--config", path] + flags)).node.broker.tls
            }
            func expect(_ expected: BrokerTLSConfiguration?, _ resolved: BrokerTLSConfiguration?) { #expect(resolved == expected) }
            var expected = BrokerTLSConfiguration(certificateFile: "c", keyFile: "k", authorityFile: "a")
            expect(nil, try resolve("port: 1"))
            expect(expected, try resolve("tls: {cert_file: c, key_file: k, ca_file: a}"))
            expected.clientCertificates = .required
            expect(expected, try resolve("tls: {cert_file: c, key_file: k, ca_file: a, verify: true}"))
            expect(expected, try resolve("tls: {cert_file: x, key_file: k}", "--tls-cert", "c", "--tls-ca", "a", "--tls-verify"))
            expect(expected, try resolve("", "--tls-cert", "c", "--tls-key", "k", "--tls-ca", "a", "--tls-verify"))
            for yes in ["true", "True", "yes", "'on'"] {
                expect(expected, try resolve("tls: {cert_file: c, key_file: k, ca_file: a}\ntlsVerify: \(yes)"))
            }
            for nonsense in ["maybe", "1"] {
                #expect(throws: SettingError.self) { try resolve("tls: {cert_file: c, key_file: k, ca_file: a}\ntlsVerify: \(nonsense)") }
            }
            expected.clientCertificates = .identify
            expected.handshakeFirst = true
            expect(expected, try resolve("tls: {cert_file: c, key_file: k, ca_file: a, verify_and_map: true, handshake_first: true}"))
            for wrong in [
                "tls: {cert_file: c}", "tls: {key_file: k}", "tls: {verify: true}", "tls: {}",
                "tls: {cert_file: c, key_file: k, verfy: true}",
            ] {
                #expect(throws: SettingError.self) { try resolve(wrong) }
            }
            #expect(throws: SettingError.self) { try resolve("", "--tls-verify") }
        }
    }

    @Test func settingsThatLetNobodyInAreRefused() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/rivulet.yaml"
            func resolve(_ yaml: String, _ flags: String...) throws -> BrokerConfiguration {
                try yaml.write(toFile: path, atomically: true, encoding: .utf8)
                return try NodeSettings.resolve(NodeOptions.parse(["--config", path] + flags)).node.broker
            }
            for wrong in ["authorization: {}", "authorization: {users: []}", "authorization: {default_permissions: {publish: a}}"] {
                #expect(throws: SettingError.self) { try resolve(wrong) }
                #expect(try resolve(wrong, "--token", "t").auth?.token == Secret("t"))
            }
            let patient = try resolve("authorization: {timeout: 3}")
            #expect(patient.auth == nil)
            #expect(patient.authenticationTimeout == .seconds(3))
        }
    }

    @Test func aClusterIsReadFromFileAndFlags() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/rivulet.yaml"
            func resolve(_ yaml: String, _ flags: String...) throws -> ClusterConfiguration? {
                try yaml.write(toFile: path, atomically: true, encoding: .utf8)
                return try NodeSettings.resolve(NodeOptions.parse(["--config", path] + flags)).node.cluster
            }
            func expect(_ expected: ClusterConfiguration?, _ resolved: ClusterConfiguration?) { #expect(resolved == expected) }
            var expected = ClusterConfiguration()
            expect(nil, try resolve("cluster: false\nclusterTtl: 2"))
            expect(expected, try resolve("cluster: true"))
            expect(expected, try resolve("port: 1", "--cluster"))
            expected.timeToLive = .milliseconds(1500)
            expected.advertisedAddress = "[fd00::7]:4222"
            expect(expected, try resolve("clusterTtl: 1500ms\nclusterAdvertise: '[fd00::7]:4222'", "--cluster"))
            expected = ClusterConfiguration()
            expected.labels = ["gpu", "eu-1.a_b"]
            expect(expected, try resolve("clusterLabels: 'gpu, eu-1.a_b,gpu'", "--cluster"))
            for wrong in [
                "clusterTtl: 900ms", "clusterTtl: soon", "clusterAdvertise: host", "clusterAdvertise: 'nats://host:1'",
                "clusterAdvertise: 'ann:a@host:1'", "clusterAdvertise: 'host:x'", "clusterLabels: ''", "clusterLabels: 'a,,b'",
                "clusterLabels: a b", "clusterLabels: 'a,ü'",
            ] {
                #expect(throws: SettingError.self) { try resolve("cluster: true\n" + wrong) }
            }
            let error = #expect(throws: SettingError.self) { try resolve("store: memory", "--cluster") }
            #expect(error?.description.contains("--store sqlite:PATH or postgres://") == true)
        }
    }

    @Test func risksOfTheStoreAreAcceptedByName() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/rivulet.yaml"
            func resolve(_ yaml: String) throws -> Set<PostgresConfiguration.Risk> {
                try yaml.write(toFile: path, atomically: true, encoding: .utf8)
                return try NodeSettings.resolve(NodeOptions.parse(["--config", path])).node.acceptedRisks
            }
            func expect(_ expected: Set<PostgresConfiguration.Risk>, _ resolved: Set<PostgresConfiguration.Risk>) {
                #expect(resolved == expected)
            }
            expect([], try resolve("port: 1"))
            expect([.synchronousCommit], try resolve("storeAcceptedRisks: synchronous_commit"))
            expect([.fsync, .fullPageWrites], try resolve("storeAcceptedRisks: fsync, full_page_writes"))
            for wrong in ["''", "fsync,", "all", "fullPageWrites"] {
                let error = #expect(throws: SettingError.self) { try resolve("storeAcceptedRisks: \(wrong)") }
                #expect(error?.description.contains("has to name some of fsync, full_page_writes, synchronous_commit") == true)
            }
        }
    }

    @Test func flagsComeOnTopOfTheFile() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/rivulet.yaml"
            try "maxPayload: 77\nauthorization: {token: t, users: [{user: ann, password: a}, {user: bob, password: b}]}"
                .write(toFile: path, atomically: true, encoding: .utf8)
            let options = try NodeOptions.parse(["--config", path, "--user", "ann", "--password", "x", "--token", "y"])
            let settings = try NodeSettings.resolve(options)
            #expect(settings.node.broker.limits.payload == 77)
            #expect(
                settings.node.broker.auth
                    == AuthConfiguration(
                        token: Secret("y"), users: [.init(name: "bob", password: Secret("b")), .init(name: "ann", password: Secret("x"))]))
            #expect(throws: SettingError.self) { try NodeSettings.resolve(NodeOptions.parse(["--user", "ann"])) }
            #expect(throws: SettingError.self) { try NodeSettings.resolve(NodeOptions.parse(["--password", "ann"])) }
            #expect(try NodeSettings.resolve(NodeOptions.parse([])).node.broker.auth == nil)
        }
    }

    @Test func whomTheAnonymousAreTakenForIsAUser() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/rivulet.yaml"
            func resolve(_ authorization: String, _ flags: String...) throws -> String? {
                try "authorization: {\(authorization)}".write(toFile: path, atomically: true, encoding: .utf8)
                return try NodeSettings.resolve(NodeOptions.parse(["--config", path] + flags)).node.broker.auth?.anonymousUser
            }
            func expect(_ expected: String?, _ resolved: String?) { #expect(resolved == expected) }
            expect("ann", try resolve("no_auth_user: ann, user: ann, password: a"))
            expect("ann", try resolve("no_auth_user: ann", "--user", "ann", "--password", "a"))
            expect(nil, try resolve("no_auth_user: '', user: ann, password: a"))
            for wrong in ["no_auth_user: ann", "no_auth_user: bob, user: ann, password: a", "no_auth_user: ann, token: ann"] {
                let error = #expect(throws: SettingError.self) { try resolve(wrong) }
                #expect(error?.description.contains("is none of the users") == true)
            }
        }
    }

    @Test func thePrintedFileIsCompleteAndLoadsBackToTheDefaults() async throws {
        let file = try SettingsFile(yaml: SettingsText.yaml)
        let standard = NodeSettings()
        for key in SettingKey.allCases {
            #expect(file.values[key] == key.standard(in: standard), "\(key)")
            #expect(SettingsText.yaml.contains("\n# \(key.comment)\n"), "\(key)")
            // What has no default stands there as an example that can be used.
            if key.standard(in: standard) == nil { #expect(SettingsText.yaml.contains("\n# \(key): \(key.example)\n"), "\(key)") }
        }
        #expect(file.authorization == nil && file.tls == nil)
        try await withTemporaryDirectory { directory in
            let path = directory + "/rivulet.yaml"
            try SettingsText.yaml.write(toFile: path, atomically: true, encoding: .utf8)
            let settings = try NodeSettings.resolve(NodeOptions.parse(["--config", path]))
            #expect(settings.node == standard.node && settings.logLevel == standard.logLevel)
        }
    }

    @Test func theExamplesOfThePrintedFileAreSettingsToo() throws {
        // The sections without their comment signs, and without the one user that contradicts the list.
        let sections = SettingsText.yaml.components(separatedBy: "\n# who may connect")[1]
        let lines = sections.components(separatedBy: "\n").dropFirst().filter {
            $0.hasPrefix("# authorization") || $0.hasPrefix("#   ") || $0.hasPrefix("# tls") || $0.hasPrefix("# websocket")
        }
        let file = try SettingsFile(yaml: lines.map { $0.dropFirst(2) }.joined(separator: "\n"))
        let auth = try #require(try file.authorization?.configuration())
        #expect(auth.users.map(\.name).contains("ann") && auth.users.count == 3)
        #expect(file.tls?.cert_file == "server.pem")
    }

    @Test func aKeyThatIsNotKnownIsAnErrorThatNamesIt() {
        for (yaml, says) in [
            ("prot: 1", "there is no setting \"prot\""), ("port: {a: 1}", "port is not one value"), ("1: 2", "there is no setting \"1\""),
        ] {
            let error = #expect(throws: SettingError.self) { try SettingsFile(yaml: yaml) }
            #expect(error?.description == says)
        }
    }

    @Test(arguments: [
        ("90", Duration.seconds(90)), ("1.5", .milliseconds(1500)), ("100ms", .milliseconds(100)), ("1.5s", .milliseconds(1500)),
        ("2m", .seconds(120)), ("1h30m", .seconds(5400)), ("1s500ms", .milliseconds(1500)), (".5m", .seconds(30)), ("1.s", .seconds(1)),
        ("250us", .microseconds(250)), ("250µs", .microseconds(250)), ("7ns", .nanoseconds(7)), ("0", .zero), ("0s", .zero),
        ("277777h", .seconds(999_997_200)),
    ])
    func timesAreReadAsNatsServerDoes(text: String, expected: Duration) {
        #expect(TimeSpan(text)?.duration == expected)
    }

    @Test(arguments: [
        "", " ", "s", ".", ".s", "1d", "-1s", "-1", "+1s", "1 s", "1s ", "1e3", "1e3ms", "1.2.3s", "1s1", "0x10", "inf", "nan", "½s", "١s",
        "1000000001", "277778h", "ms1", String(repeating: "9", count: 400) + "ns",
    ])
    func whatIsNoTimeIsRefused(text: String) {
        #expect(TimeSpan(text) == nil)
    }

    @Test func timesMayHaveUnitsWhereverTheyAre() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/rivulet.yaml"
            try """
            pingInterval: 100ms
            pingMax: 5
            lameDuckDuration: 1m
            lameDuckGracePeriod: 1.5s
            idempotencyWindow: 2h
            authorization: {timeout: 250ms, token: t}
            websocket: {port: 0, handshake_timeout: 0.5m}
            """.write(toFile: path, atomically: true, encoding: .utf8)
            let node = try NodeSettings.resolve(NodeOptions.parse(["--config", path])).node
            #expect(node.broker.pingInterval == .milliseconds(100) && node.broker.maximumPingsOutstanding == 5)
            #expect(node.broker.lameDuckDuration == .seconds(60) && node.broker.lameDuckGracePeriod == .milliseconds(1500))
            #expect(node.objects.idempotencyWindow == .seconds(7200))
            #expect(node.broker.authenticationTimeout == .milliseconds(250))
            #expect(node.broker.webSocket?.handshakeTimeout == .seconds(30))
        }
    }

    @Test func monitoringAndLameDuckAreSet() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/rivulet.yaml"
            try "httpHost: '::1'\nlameDuckDuration: 90\nlameDuckGracePeriod: 1.5".write(toFile: path, atomically: true, encoding: .utf8)
            let without = try NodeSettings.resolve(NodeOptions.parse(["--config", path])).node
            #expect(without.monitoring == nil)
            #expect(without.broker.lameDuckDuration == .seconds(90) && without.broker.lameDuckGracePeriod == .milliseconds(1500))
            let options = ["--config", path, "--http-port", "8222", "--max-payload", "5", "--max-connections", "6"]
            let with = try NodeSettings.resolve(NodeOptions.parse(options)).node
            #expect(with.monitoring?.host == "::1" && with.monitoring?.port == 8222)
            #expect(with.broker.limits.payload == 5 && with.broker.maximumConnections == 6)
        }
    }
}
