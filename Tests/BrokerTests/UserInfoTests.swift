import RivuletBroker
import RivuletSubscriptions
import RivuletWire
import Testing

/// What a client is told that asks `$SYS.REQ.USER.INFO`.
@Suite(.timeLimit(.minutes(1)))
struct UserInfoTests {
    /// The part of the answer about the user.
    private func data(_ client: TestClient, reply: String = "r") async throws -> String {
        client.send("SUB \(reply) 1\r\nPUB $SYS.REQ.USER.INFO \(reply) 0\r\n\r\n")
        let messages = try Received.messages(in: await client.everything())
        let answer = try #require(messages.first)
        #expect(messages.count == 1 && answer.subject == reply)
        #expect(answer.payload.hasPrefix(#"{"server":{"name":"test","host":"127.0.0.1","id":"N"#))
        let end = try #require(answer.payload.firstIndex(of: "}"))
        return String(answer.payload[end...].dropFirst(#"},"data":"#.count).dropLast())
    }

    @Test func whereNobodyLogsInItIsWhatTheClientSays() async throws {
        try await withBroker { _, address in
            let options = ",\"headers\":true,\"no_responders\":true"
            let nobody = try await TestClient.ready(address, options)
            #expect(try await data(nobody) == #"{"user":"","account":"$G","account_name":"$G"}"#)
            let ann = try await TestClient.ready(address, options + ",\"user\":\"ann\"")
            #expect(try await data(ann) == #"{"user":"ann","account":"$G","account_name":"$G"}"#)
        }
    }

    @Test func aUserLearnsWhatItMayDo() async throws {
        let pattern = { (text: String) in try SubjectPattern(text) }
        let permissions = UserPermissions(
            publish: SubjectPermission(allow: [try pattern("$SYS.REQ.>"), try pattern("a.*")]),
            subscribe: SubjectPermission(deny: [try pattern("b.\"")]),
            responses: ResponsePermission(maximumMessages: 3, expiry: .seconds(5)))
        let end = Timestamp(nanoseconds: SystemTime().wallTime.nanoseconds + 3_600_000_000_000)
        try await withBroker {
            $0.auth = AuthConfiguration(
                token: Secret("t"),
                users: [
                    .init(name: "ann", password: Secret("a"), permissions: permissions),
                    .init(name: "bob", password: Secret("b"), deadline: end),
                ])
        } _: { _, address in
            let ann = try await TestClient.ready(address, ",\"user\":\"ann\",\"pass\":\"a\"")
            let publish = #""publish":{"allow":["$SYS.REQ.>","a.*"]}"#
            let subscribe = #""subscribe":{"deny":["b.\""]}"#
            #expect(
                try await data(ann, reply: "_INBOX.a")
                    == #"{"user":"ann","account":"$G","account_name":"$G","permissions":{\#(publish),\#(subscribe),"responses":{"max":3,"ttl":5000000000}}}"#
            )
            let bob = try await data(try await TestClient.ready(address, ",\"user\":\"bob\",\"pass\":\"b\""))
            #expect(bob.hasPrefix(#"{"user":"bob","account":"$G","account_name":"$G","expires":3"#) && bob.hasSuffix("000000000}"))
            let token = try await data(try await TestClient.ready(address, ",\"auth_token\":\"t\""))
            #expect(token == #"{"user":"[REDACTED]","account":"$G","account_name":"$G"}"#)
        }
    }

    @Test func theAnswerGoesWhereTheUserMayPublishOnly() async throws {
        let allowed = UserPermissions(publish: SubjectPermission(allow: [try SubjectPattern("$SYS.REQ.USER.INFO")]))
        let denied = UserPermissions(publish: SubjectPermission(deny: [try SubjectPattern("$SYS.>")]))
        try await withBroker {
            $0.auth = AuthConfiguration(
                users: [
                    .init(name: "ann", password: Secret("a"), permissions: allowed),
                    .init(name: "bob", password: Secret("b"), permissions: denied),
                ])
        } _: { _, address in
            let ann = try await TestClient.ready(address, ",\"user\":\"ann\",\"pass\":\"a\"")
            for reply in ["evt.a", "admin"] {
                await ann.expect(
                    sending: "PUB $SYS.REQ.USER.INFO \(reply) 0\r\n\r\n",
                    "-ERR 'Permissions Violation for Publish with Reply of \"\(reply)\"'\r\n")
            }
            await ann.expect(sending: "PUB $SYS.REQ.USER.INFO _INBOX.1 0\r\n\r\nPUB $SYS.REQ.USER.INFO 0\r\n\r\nPING\r\n", "PONG\r\n")
            let bob = try await TestClient.ready(address, ",\"user\":\"bob\",\"pass\":\"b\"")
            await bob.expect(
                sending: "PUB $SYS.REQ.USER.INFO r 0\r\n\r\n", "-ERR 'Permissions Violation for Publish to \"$SYS.REQ.USER.INFO\"'\r\n")
        }
    }
}
