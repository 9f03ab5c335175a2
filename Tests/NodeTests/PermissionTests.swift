import Rivulet
import RivuletClient
import RivuletSubscriptions
import Testing

/// Objects and their events behind permissions.
@Suite(.timeLimit(.minutes(2))) struct PermissionTests {
    private func withNode(
        _ permissions: UserPermissions, _ body: (_ ann: RivuletClient, _ root: RivuletClient) async throws -> Void
    ) async throws {
        try await withRunningNode(
            store: .memory, hosting: Notebook.self,
            configure: {
                $0.broker.auth = AuthConfiguration(users: [
                    .init(name: "ann", password: Secret("a"), permissions: permissions), .init(name: "root", password: Secret("r")),
                ])
            }
        ) { node in
            try await withRivuletClient(node.url(user: "ann", password: "a")) { ann in
                try await withRivuletClient(node.url(user: "root", password: "r")) { try await body(ann, $0) }
            }
        }
    }

    private func numbers(_ events: EventStream<EventEnvelope>) async throws -> [String] {
        var subjects: [String] = []
        for try await item in events {
            if case .event(let event, _) = item { subjects.append("\(event.subject)") }
        }
        return subjects
    }

    @Test func anObjectIsCalledByThoseWhoMayPublishToIt() async throws {
        let permissions = UserPermissions(publish: SubjectPermission(allow: [try SubjectPattern("obj.Notebook.ann.*")]))
        try await withNode(permissions) { ann, _ in
            let number = try await ann.object("Notebook", "ann").ask(Write(text: "x"))
            #expect(number == 1)
            await #expect(throws: (any Error).self) {
                try await ann.object("Notebook", "bob").ask(Write(text: "x"), timeout: .milliseconds(300))
            }
        }
    }

    @Test func eventsAreReadBackByThoseWhoMaySubscribeToThem() async throws {
        let permissions = UserPermissions(
            subscribe: SubjectPermission(
                allow: [try SubjectPattern("evt.Notebook.ann.>"), try SubjectPattern("evt.Other.>"), try SubjectPattern("_INBOX.>")]))
        try await withNode(permissions) { ann, root in
            for id in ["ann", "bob", "ann"] { _ = try await root.object("Notebook", id).ask(Write(text: "x")) }
            let own = try await numbers(ann.events(kind: "Notebook", id: "ann", from: .beginning, follow: false))
            #expect(own.count == 2)
            for id in ["bob", nil] {
                await #expect(throws: EventStreamError.self) {
                    try await numbers(ann.events(kind: "Notebook", id: id, from: .beginning, follow: false))
                }
            }
            // Nor by asking for another pattern, or for none.
            for question in [
                #"{"seq":1}"#, #"{"seq":1,"batch":9}"#, #"{"batch":9,"next_by_subj":">"}"#, #"{"batch":9,"next_by_subj":"evt.*.ann.>"}"#,
            ] {
                let answer = try await ann.request("$JS.API.DIRECT.GET.Notebook", Array(question.utf8))
                #expect(answer.headers.status == 403)
                #expect(answer.payload.isEmpty)
            }
            let foreign = try await ann.request("$JS.API.DIRECT.GET.Notebook", Array(#"{"batch":9,"next_by_subj":"evt.Other.>"}"#.utf8))
            #expect(foreign.headers.status == 204)
        }
    }

    @Test func eventsThatAreDeniedAreLeftOutOfWhatIsReadBack() async throws {
        let permissions = UserPermissions(subscribe: SubjectPermission(deny: [try SubjectPattern("evt.Notebook.bob.>")]))
        try await withNode(permissions) { ann, root in
            for id in ["bob", "bob", "ann", "bob", "bob", "ann", "bob"] { _ = try await root.object("Notebook", id).ask(Write(text: "x")) }
            let seen = try await numbers(ann.events(kind: "Notebook", from: .beginning, follow: false))
            #expect(seen == ["evt.Notebook.ann.Written", "evt.Notebook.ann.Written"])
            // Also where a page holds nothing else.
            let single = try await ann.request("$JS.API.DIRECT.GET.Notebook", Array(#"{"seq":1}"#.utf8))
            #expect(single.headers["Nats-Sequence"] == "3")
            let all = try await numbers(root.events(kind: "Notebook", from: .beginning, follow: false))
            #expect(all.count == 7)
        }
    }
}
