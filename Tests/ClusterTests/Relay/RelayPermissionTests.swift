import RivuletBroker
import RivuletClient
import RivuletCluster
import RivuletSubscriptions
import TestSupport
import Testing

/// What clients may do does not change by crossing nodes.
@Suite("Permissions across nodes", .timeLimit(.minutes(2)))
struct RelayPermissionTests {
    private func users(_ permissions: UserPermissions) throws -> AuthConfiguration {
        AuthConfiguration(users: [
            AuthConfiguration.User(name: "limited", password: Secret("limited"), permissions: permissions),
            AuthConfiguration.User(name: "free", password: Secret("free")),
        ])
    }

    private func withClients(
        _ permissions: UserPermissions, _ body: ([RelayNode], _ limited: RivuletClient, _ free: RivuletClient) async throws -> Void
    ) async throws {
        let auth = try users(permissions)
        try await withRelay(2, broker: { $0.auth = auth }) { nodes in
            let (first, second) = (try await nodes[0].broker.start(), try await nodes[1].broker.start())
            let limited = try await RivuletClient.connect("nats://limited:limited@127.0.0.1:\(first.port)")
            let free = try await RivuletClient.connect("nats://free:free@127.0.0.1:\(second.port)")
            try await body(nodes, limited, free)
            await limited.close()
            await free.close()
        }
    }

    @Test("who may only answer answers requests of other nodes")
    func answering() async throws {
        try await withClients(UserPermissions(responses: ResponsePermission())) { nodes, limited, free in
            let requests = try await limited.subscribe("service")
            try await limited.flush()
            try await nodes[1].knows("service", of: nodes[0])
            async let reply = free.request("service", timeout: .seconds(60))
            for try await request in requests {
                try await limited.publish(Array("answer".utf8), to: try #require(request.reply).description)
                break
            }
            let answer = try await reply
            #expect(String(decoding: answer.payload, as: UTF8.self) == "answer")
        }
    }

    @Test("who may not have a message does not get it from another node either")
    func receiving() async throws {
        let permissions = UserPermissions(subscribe: SubjectPermission(deny: [try SubjectPattern("a.secret")]))
        try await withClients(permissions) { nodes, limited, free in
            let messages = try await limited.subscribe("a.*")
            try await limited.flush()
            try await nodes[1].knows("a.*", of: nodes[0])
            try await free.publish(Array("1".utf8), to: "a.secret")
            try await free.publish(Array("2".utf8), to: "a.open")
            for try await message in messages {
                #expect(message.subject.description == "a.open")
                break
            }
        }
    }

    @Test("who may not have answers sent to a subject has no process of another node send them, while clients get the message")
    func answersToOthers() async throws {
        let permissions = UserPermissions(publish: SubjectPermission(allow: [try SubjectPattern("service")]))
        try await withClients(permissions) { nodes, limited, free in
            let service = try nodes[1].serve("service")
            let victim = try nodes[1].subscribe("victim")
            let requests = try await free.subscribe("service")
            try await free.flush()
            try await nodes[0].knows("service", of: nodes[1])
            try await limited.publish(Array("1".utf8), to: "service", reply: "victim")
            try await limited.publish(Array("2".utf8), to: "service", reply: "_INBOX.mine")
            var seen: [String] = []
            for try await request in requests {
                seen.append(request.reply?.description ?? "")
                if seen.count == 2 { break }
            }
            #expect(seen == ["victim", "_R_.node%2E0._INBOX.mine"])
            #expect(victim.all.isEmpty)
            service.cancel()
        }
    }

    @Test("an answer to a request that crossed finds its inbox also from a client that has come to the node that asked")
    func inboxesHere() async throws {
        try await withClients(UserPermissions()) { nodes, client, _ in
            let answers = try await client.subscribe("_INBOX.own.>")
            try await client.flush()
            for number in 1...3 { try await client.publish(Array("\(number)".utf8), to: "_R_.node%2E0._INBOX.own.x") }
            var messages = answers.makeAsyncIterator()
            for number in 1...3 {
                let message = try #require(try await messages.next())
                #expect(message.subject.description == "_INBOX.own.x")
                #expect(message.payload == Array("\(number)".utf8))
            }
        }
    }

    @Test("inboxes of another node are protected as those of the own one")
    func inboxesElsewhere() async throws {
        let permissions = UserPermissions(publish: SubjectPermission(deny: [try SubjectPattern("_INBOX.secret.>")]))
        try await withClients(permissions) { nodes, limited, _ in
            let secret = try nodes[1].subscribe("_INBOX.secret.>")
            let other = try nodes[1].subscribe("_INBOX.other")
            try await limited.publish(Array("1".utf8), to: "_R_.node%2E1._INBOX.secret.x")
            try await limited.publish(Array("2".utf8), to: "_R_.node%2E1._INBOX.other")
            try await until { other.payloads == ["2"] }
            #expect(secret.all.isEmpty)
            #expect(other.all.map(\.subject.description) == ["_INBOX.other"])
        }
    }
}
