import RivuletBroker
import RivuletSubscriptions
import RivuletWire
import Testing

/// Changing who may do what while clients are connected.
@Suite(.timeLimit(.minutes(1)))
struct ReloadTests {
    private let hash = "$2b$04$3qFAPxBQahxRv0PK/eIIAeDqnK4lPA6n1ytvODGhOnFKoVz06AbXK"
    private let otherHash = "$2a$04$pXBuo9CHwKqMoHbqy6yu6O4EEQz/mrpc5EIwq7faygpteJysRR04u"

    @Test func whoIsStillAllowedStaysAndWhoIsNotLeaves() async throws {
        let bob = AuthConfiguration.User(name: "bob", password: Secret("b"))
        try await withBroker {
            $0.auth = AuthConfiguration(users: [.init(name: "ann", password: Secret(hash)), bob])
        } _: { broker, address in
            let ann = try await TestClient.ready(address, ",\"user\":\"ann\",\"pass\":\"s3cret\"")
            let leaver = try await TestClient.ready(address, ",\"user\":\"bob\",\"pass\":\"b\"")
            // The same password, hashed anew, and a password that is another.
            for secret in [hash, otherHash, "s3cret"] {
                broker.reload(auth: AuthConfiguration(users: [.init(name: "ann", password: Secret(secret)), bob]))
                await ann.expect(sending: "PING\r\n", "PONG\r\n")
            }
            broker.reload(
                auth: AuthConfiguration(users: [.init(name: "ann", password: Secret(hash)), .init(name: "bob", password: Secret("c"))]))
            await leaver.expectEnd("-ERR 'Authorization Violation'\r\n")
            await ann.expect(sending: "PING\r\n", "PONG\r\n")
            broker.reload(auth: AuthConfiguration(users: [bob]))
            await ann.expectEnd("-ERR 'Authorization Violation'\r\n")
            _ = try await TestClient.ready(address, ",\"user\":\"bob\",\"pass\":\"b\"")
        }
    }

    @Test func permissionsChangeAtOnceAndSubscriptionsThatAreNotAllowedAnyMoreEnd() async throws {
        func auth(_ permissions: UserPermissions?) -> AuthConfiguration {
            AuthConfiguration(users: [
                .init(name: "ann", password: Secret("a"), permissions: permissions), .init(name: "root", password: Secret("r")),
            ])
        }
        let less = UserPermissions(
            publish: SubjectPermission(deny: [try SubjectPattern("x")]),
            subscribe: SubjectPermission(deny: [try SubjectPattern("a.b"), try SubjectPattern("q")]))
        try await withBroker {
            $0.auth = auth(nil)
        } _: { broker, address in
            let ann = try await TestClient.ready(address, ",\"user\":\"ann\",\"pass\":\"a\"")
            let root = try await TestClient.ready(address, ",\"user\":\"root\",\"pass\":\"r\"")
            await ann.expect(sending: "SUB a.* 1\r\nSUB q g 2\r\nPUB x 0\r\n\r\nPUB a.b 0\r\n\r\n", "MSG a.b 1 0\r\n\r\n")
            await root.expect(sending: "PUB a.b 0\r\n\r\nPING\r\n", "PONG\r\n")
            await ann.expect("MSG a.b 1 0\r\n\r\n")
            broker.reload(auth: auth(less))
            await ann.expect("-ERR 'Permissions Violation for Subscription to \"q\" using queue \"g\"'\r\n")
            await root.expect(sending: "PUB a.b 0\r\n\r\nPUB a.c 0\r\n\r\nPING\r\n", "PONG\r\n")
            await ann.expect("MSG a.c 1 0\r\n\r\n")
            await ann.expect(sending: "PUB x 0\r\n\r\nPING\r\n", "-ERR 'Permissions Violation for Publish to \"x\"'\r\nPONG\r\n")
            #expect(broker.statistics.subscriptions == 1)
            broker.reload(auth: auth(nil))
            // Nothing tells her; what she sends next may come before the news.
            await ann.expect(sending: "PING\r\n", "PONG\r\n")
            await ann.expect(sending: "PUB x 0\r\n\r\nPUB a.b 0\r\n\r\n", "MSG a.b 1 0\r\n\r\n")
        }
    }

    @Test func theTimeToLogInChangesForThoseWhoComeAfterwards() async throws {
        let auth = AuthConfiguration(token: Secret("t"))
        try await withBroker {
            $0.auth = auth
            $0.authenticationTimeout = .seconds(600)
        } _: { broker, address in
            let (before, _) = try await TestClient.connect(to: address)
            broker.reload(auth: auth, timeout: .milliseconds(50))
            let (after, _) = try await TestClient.connect(to: address)
            await after.expectEnd("-ERR 'Authentication Timeout'\r\n")
            await before.expect(sending: "CONNECT {\"verbose\":false,\"auth_token\":\"t\"}\r\nPING\r\n", "PONG\r\n")
            broker.reload(auth: auth)
            let (another, _) = try await TestClient.connect(to: address)
            await another.expectEnd("-ERR 'Authentication Timeout'\r\n")
        }
    }

    @Test func theAnonymousStayAsLongAsTheyMay() async throws {
        func auth(_ anonymousUser: String?, denying subjects: String...) throws -> AuthConfiguration {
            let permissions = UserPermissions(subscribe: SubjectPermission(deny: try subjects.map { try SubjectPattern($0) }))
            return AuthConfiguration(
                users: [.init(name: "ann", password: Secret("a"), permissions: permissions)], anonymousUser: anonymousUser)
        }
        try await withBroker { broker, address in
            // Both were served before anybody had to log in, and one has never said CONNECT.
            let ready = try await TestClient.ready(address)
            let (unready, _) = try await TestClient.connect(to: address)
            await ready.expect(sending: "SUB a 1\r\nSUB b 2\r\nPING\r\n", "PONG\r\n")
            await unready.expect(sending: "SUB a 1\r\nSUB b 2\r\nPING\r\n", "+OK\r\n+OK\r\nPONG\r\n")
            broker.reload(auth: try auth("ann", denying: "a"))
            for client in [ready, unready] { await client.expect("-ERR 'Permissions Violation for Subscription to \"a\"'\r\n") }
            #expect(broker.connections().map(\.user) == ["ann", "ann"])
            broker.reload(auth: try auth("ann", denying: "a", "b"))
            for client in [ready, unready] { await client.expect("-ERR 'Permissions Violation for Subscription to \"b\"'\r\n") }
            broker.reload(auth: nil)
            await ready.expect(sending: "PING\r\n", "PONG\r\n")
            await ready.expect(sending: "SUB a 3\r\nPING\r\n", "PONG\r\n")
            await unready.expect(sending: "PING\r\n", "PONG\r\n")
            await unready.expect(sending: "SUB a 3\r\nPING\r\n", "+OK\r\nPONG\r\n")
            #expect(broker.connections().map(\.user) == [nil, nil])
            broker.reload(auth: try auth(nil))
            for client in [ready, unready] { await client.expectEnd("-ERR 'Authorization Violation'\r\n") }
        }
    }

    @Test func closingAnOpenServerSendsTheUnknownAway() async throws {
        try await withBroker { broker, address in
            let named = try await TestClient.ready(address, ",\"auth_token\":\"t\"")
            let unknown = try await TestClient.ready(address)
            let (silent, _) = try await TestClient.connect(to: address)
            broker.reload(auth: AuthConfiguration(token: Secret("t")))
            await unknown.expectEnd("-ERR 'Authorization Violation'\r\n")
            await silent.expectEnd("-ERR 'Authorization Violation'\r\n")
            await named.expect(sending: "PING\r\n", "PONG\r\n")
            let (waiting, info) = try await TestClient.connect(to: address)
            #expect(info.authRequired)
            broker.reload(auth: nil)
            await waiting.expect(sending: "CONNECT {\"verbose\":false}\r\nPING\r\n", "PONG\r\n")
            await named.expect(sending: "PING\r\n", "PONG\r\n")
        }
    }
}
