import RivuletBroker
import RivuletSubscriptions
import RivuletWire
import Synchronization
import Testing

/// What those who got in may do.
@Suite(.timeLimit(.minutes(1)))
struct PermissionTests {
    private static func patterns(_ texts: [String]) throws -> [SubjectPattern] { try texts.map { try SubjectPattern($0) } }

    private static func permission(allow: [String]? = nil, deny: [String] = []) throws -> SubjectPermission {
        SubjectPermission(allow: try allow.map(patterns), deny: try patterns(deny))
    }

    /// A broker with "ann", who has these permissions, and "root", who may do everything.
    private func withAnn(
        _ permissions: UserPermissions?, defaults: UserPermissions? = nil,
        _ body: (Broker, _ address: Broker.Address, _ ann: TestClient, _ root: TestClient) async throws -> Void
    ) async throws {
        try await withBroker {
            $0.auth = AuthConfiguration(
                users: [
                    .init(name: "ann", password: Secret("a"), permissions: permissions),
                    .init(name: "root", password: Secret("r"), permissions: UserPermissions()),
                ], defaultPermissions: defaults)
        } _: { broker, address in
            let ann = try await TestClient.ready(address, ",\"user\":\"ann\",\"pass\":\"a\",\"headers\":true,\"no_responders\":true")
            let root = try await TestClient.ready(address, ",\"user\":\"root\",\"pass\":\"r\"")
            try await body(broker, address, ann, root)
        }
    }

    @Test func whereAUserMayPublishIsAllowedAndNotDenied() async throws {
        let permissions = UserPermissions(publish: try Self.permission(allow: ["a.*", "b.>"], deny: ["a.secret", "b.*.x"]))
        try await withAnn(permissions) { _, _, ann, root in
            await root.expect(sending: "SUB > 1\r\nPING\r\n", "PONG\r\n")
            for subject in ["a", "a.b.c", "b", "c", "a.secret", "b.1.x", "evt.a"] {
                await ann.expect(
                    sending: "PUB \(subject) 0\r\n\r\nPING\r\n", "-ERR 'Permissions Violation for Publish to \"\(subject)\"'\r\nPONG\r\n")
            }
            for subject in ["a.b", "b.1", "b.1.y", "b.1.x.y"] {
                await ann.expect(sending: "PUB \(subject) 0\r\n\r\nPING\r\n", "PONG\r\n")
                await root.expect("MSG \(subject) 1 0\r\n\r\n")
            }
        }
    }

    @Test func aSubscriptionIsAllowedWhereAllOfItIs() async throws {
        let permissions = UserPermissions(subscribe: try Self.permission(allow: ["a.*", "b.>", "inbox.ann.>"], deny: ["b.no.>"]))
        try await withAnn(permissions) { _, _, ann, _ in
            for pattern in [">", "*", "a.>", "a", "*.b", "b", "inbox.>", "inbox.*.x", "inbox.bob.x", "b.no.x", "b.no.>", "b.no.*"] {
                await ann.expect(
                    sending: "SUB \(pattern) 1\r\nPING\r\n", "-ERR 'Permissions Violation for Subscription to \"\(pattern)\"'\r\nPONG\r\n")
            }
            await ann.expect(
                sending: "SUB c q 1\r\nPING\r\n", "-ERR 'Permissions Violation for Subscription to \"c\" using queue \"q\"'\r\nPONG\r\n")
            for pattern in ["a.b", "a.*", "b.>", "b.*.x", "inbox.ann.*"] {
                await ann.expect(sending: "SUB \(pattern) 1\r\nUNSUB 1\r\nPING\r\n", "PONG\r\n")
            }
        }
    }

    @Test func whatAWildcardOverlapsWithADenialIsNotDelivered() async throws {
        let permissions = UserPermissions(subscribe: try Self.permission(deny: ["a.secret.*", "b"]))
        try await withAnn(permissions) { broker, _, ann, root in
            await ann.expect(sending: "SUB > 1\r\nSUB a.> q 2\r\nPING\r\n", "PONG\r\n")
            await root.expect(
                sending: "SUB a.> q 1\r\nPUB a.secret.x 1\r\ns\r\nPUB b 1\r\ns\r\nPUB c 1\r\nc\r\nPING\r\n",
                "MSG a.secret.x 1 1\r\ns\r\nPONG\r\n")
            for subject in ["a.secret.y", "b", "d"] { try broker.publish(BusMessage(subject: try Subject(subject))) }
            await ann.expect("MSG c 1 1\r\nc\r\nMSG d 1 0\r\n\r\n")
            await root.expect("MSG a.secret.y 1 0\r\n\r\n")
        }
    }

    @Test func aWildcardThatIsPublishedIsATokenLikeOthers() async throws {
        let permissions = UserPermissions(
            publish: try Self.permission(allow: ["a.*", "b.>", "c.d"], deny: ["b.*.x", "b.no.>"]),
            subscribe: try Self.permission(deny: ["s.*", "t.a.>"]))
        try await withAnn(permissions) { _, _, ann, root in
            await root.expect(sending: "SUB > 1\r\nSUB c.d 2\r\nSUB b.1.x 3\r\nPING\r\n", "PONG\r\n")
            for subject in ["*", ">", "c.*", "c.>", "*.d", "a.*.c", "b.*.x", "b.>.x", "b.no.*", "b.no.>", "a..b", "a."] {
                await ann.expect(
                    sending: "PUB \(subject) 0\r\n\r\nPING\r\n", "-ERR 'Permissions Violation for Publish to \"\(subject)\"'\r\nPONG\r\n")
            }
            for subject in ["a.*", "a.>", "b.*", "b.>", "b.*.*", "b.>.>", "b.no"] {
                await ann.expect(sending: "PUB \(subject) 0\r\n\r\nPING\r\n", "PONG\r\n")
                await root.expect("MSG \(subject) 1 0\r\n\r\n")
            }
            // The same where it is received.
            await root.expect(sending: "UNSUB 1\r\nPING\r\n", "PONG\r\n")
            await ann.expect(sending: "SUB > 1\r\nPING\r\n", "PONG\r\n")
            for subject in ["s.*", "s.>", "t.a.*", "t.a.>"] { await root.expect(sending: "PUB \(subject) 0\r\n\r\nPING\r\n", "PONG\r\n") }
            for subject in ["s.*.a", ">", "t.*.a"] { await root.expect(sending: "PUB \(subject) 0\r\n\r\nPING\r\n", "PONG\r\n") }
            await ann.expect("MSG s.*.a 1 0\r\n\r\nMSG > 1 0\r\n\r\nMSG t.*.a 1 0\r\n\r\n")
        }
    }

    @Test func theProcessNeitherGetsNorSendsWhatIsNoSubject() async throws {
        try await withBroker { broker, address in
            let got = Mutex<[BusMessage]>([])
            let handler = try broker.attach(try SubjectPattern(">"), queue: nil) { message in
                got.withLock { $0.append(message) }
                guard message.subject.description == "ask", let reply = message.reply else { return }
                try? broker.publish(BusMessage(subject: reply))
            }
            defer { handler.cancel() }
            let client = try await TestClient.ready(address)
            await client.expect(sending: "SUB > 1\r\nPING\r\n", "PONG\r\n")
            for subject in ["a.*", ">", "a.>.b", "obj.Kind.*.Message", "a.\u{1}", "a.\u{7f}"] {
                await client.expect(sending: "PUB \(subject) 0\r\n\r\nPING\r\n", "MSG \(subject) 1 0\r\n\r\nPONG\r\n")
            }
            await client.expect(sending: "PUB a..b 0\r\n\r\nPING\r\n", "PONG\r\n")
            client.send(Array("PUB a.".utf8) + [0xff] + Array(" 0\r\n\r\nPING\r\n".utf8))
            #expect(await client.bytes(21) == Array("MSG a.".utf8) + [0xff] + Array(" 1 0\r\n\r\nPONG\r\n".utf8))
            #expect(got.withLock { $0 }.isEmpty)
            for reply in ["*.Table.1", "r.>", "r..s", "r.\u{1}"] {
                await client.expect(sending: "PUB ask \(reply) 0\r\n\r\nPING\r\n", "MSG ask 1 \(reply) 0\r\n\r\nPONG\r\n")
            }
            try broker.publish(BusMessage(subject: Subject(received: "x.*".utf8)))
            await client.expect(sending: "PING\r\n", "PONG\r\n")
            let asked = BusMessage(subject: try Subject("ask"))
            #expect(got.withLock { $0 } == Array(repeating: asked, count: 4))
        }
    }

    @Test func thoseWithoutPermissionsOfTheirOwnHaveTheDefaultOnes() async throws {
        let defaults = UserPermissions(publish: try Self.permission(allow: ["a"]), subscribe: try Self.permission(deny: ["b"]))
        try await withAnn(nil, defaults: defaults) { _, _, ann, root in
            await ann.expect(
                sending: "PUB b 0\r\n\r\nSUB b 1\r\nPUB a 0\r\n\r\nPING\r\n",
                "-ERR 'Permissions Violation for Publish to \"b\"'\r\n-ERR 'Permissions Violation for Subscription to \"b\"'\r\nPONG\r\n")
            await root.expect(sending: "SUB b 1\r\nPUB b 0\r\n\r\n", "MSG b 1 0\r\n\r\n")
        }
    }

    @Test func aRequestMayBeAnsweredSoOftenAndNotOnceMore() async throws {
        let permissions = UserPermissions(responses: ResponsePermission(maximumMessages: 2))
        try await withAnn(permissions) { broker, _, ann, root in
            await ann.expect(
                sending: "SUB svc 1\r\nPUB r.1 0\r\n\r\nPING\r\n", "-ERR 'Permissions Violation for Publish to \"r.1\"'\r\nPONG\r\n")
            await root.expect(sending: "SUB r.> 1\r\nPUB svc r.1 0\r\n\r\nPING\r\n", "PONG\r\n")
            await ann.expect("MSG svc 1 r.1 0\r\n\r\n")
            await ann.expect(
                sending: "PUB r.1 1\r\n1\r\nPUB r.1 1\r\n2\r\nPUB r.1 1\r\n3\r\nPUB r.2 0\r\n\r\nPING\r\n",
                "-ERR 'Permissions Violation for Publish to \"r.1\"'\r\n-ERR 'Permissions Violation for Publish to \"r.2\"'\r\nPONG\r\n")
            await root.expect("MSG r.1 1 1\r\n1\r\nMSG r.1 1 1\r\n2\r\n")
            // The process asks as well; and nobody lets anybody write events.
            try broker.publish(BusMessage(subject: try Subject("svc"), reply: try Subject("r.3")))
            try broker.publish(BusMessage(subject: try Subject("svc"), reply: try Subject("evt.x")))
            await ann.expect("MSG svc 1 r.3 0\r\n\r\nMSG svc 1 evt.x 0\r\n\r\n")
            await ann.expect(
                sending: "PUB r.3 0\r\n\r\nPUB evt.x 0\r\n\r\nPING\r\n", "-ERR 'Permissions Violation for Publish to \"evt.x\"'\r\nPONG\r\n"
            )
            await root.expect("MSG r.3 1 0\r\n\r\n")
        }
    }

    @Test func aRequestMayNotBeAnsweredWhenItsTimeIsOver() async throws {
        try await withAnn(UserPermissions(responses: ResponsePermission(expiry: .zero))) { _, _, ann, root in
            await ann.expect(sending: "SUB svc 1\r\nPING\r\n", "PONG\r\n")
            await root.expect(sending: "PUB svc r 0\r\n\r\nPING\r\n", "PONG\r\n")
            await ann.expect("MSG svc 1 r 0\r\n\r\n")
            await ann.expect(sending: "PUB r 0\r\n\r\nPING\r\n", "-ERR 'Permissions Violation for Publish to \"r\"'\r\nPONG\r\n")
        }
    }

    @Test func theProcessIsNotMadeToAnswerWhereTheClientMayNotPublish() async throws {
        let permissions = UserPermissions(
            publish: try Self.permission(allow: ["obj.>"]), subscribe: try Self.permission(deny: ["_INBOX.bob.>"]))
        try await withAnn(permissions) { broker, _, ann, root in
            let object = try broker.attach(try SubjectPattern("obj.a"), queue: nil) { message in
                guard let reply = message.reply else { return }
                try? broker.publish(BusMessage(subject: reply))
            }
            defer { object.cancel() }
            await root.expect(sending: "SUB > 1\r\nPING\r\n", "PONG\r\n")
            for reply in ["evt.a", "admin.stop", "_INBOX.bob.1"] {
                await ann.expect(
                    sending: "PUB obj.a \(reply) 0\r\n\r\nPING\r\n",
                    "-ERR 'Permissions Violation for Publish with Reply of \"\(reply)\"'\r\nPONG\r\n")
            }
            await ann.expect(sending: "PUB obj.a _INBOX.1 0\r\n\r\nPING\r\n", "PONG\r\n")
            let text = String(decoding: await root.everything(), as: UTF8.self)
            #expect(text.contains("MSG _INBOX.1 1 0"))
            #expect(!text.contains("admin.stop") && !text.contains("evt.a"))
        }
        // Without any login events are safe as well.
        try await withBroker { broker, address in
            let object = try broker.attach(try SubjectPattern("obj.a"), queue: nil) { _ in }
            defer { object.cancel() }
            let client = try await TestClient.ready(address)
            await client.expect(
                sending: "PUB obj.a evt.a 0\r\n\r\n", "-ERR 'Permissions Violation for Publish with Reply of \"evt.a\"'\r\n")
        }
    }

    @Test func messagesForTheProcessTellWhatTheirPublisherMayDo() async throws {
        let permissions = UserPermissions(subscribe: try Self.permission(allow: ["a.*"], deny: ["a.b"]))
        let denied = try Subject("a.b")
        let allowed = try Subject("a.c")
        try await withAnn(permissions) { broker, _, ann, root in
            let (seen, arrived) = AsyncStream.makeStream(of: BusMessage.self)
            let object = try broker.attach(try SubjectPattern("obj.a"), queue: nil) { arrived.yield($0) }
            defer { object.cancel() }
            var messages = seen.makeAsyncIterator()
            ann.send("PUB obj.a 0\r\n\r\n")
            let origin = await messages.next()?.origin
            #expect(origin?.mayReceive(allowed) == true)
            #expect(origin?.mayReceive(denied) == false)
            #expect(origin?.maySubscribe(to: try SubjectPattern("a.*")) == true)
            #expect(origin?.maySubscribe(to: try SubjectPattern("a.>")) == false)
            root.send("PUB obj.a 0\r\n\r\n")
            #expect(await messages.next()?.origin?.mayReceive(denied) == true)
            try broker.publish(BusMessage(subject: try Subject("obj.a")))
            let own = await messages.next()
            #expect(own != nil && own?.origin == nil)
        }
    }
}
