import InMemoryTracing
import Rivulet
import RivuletClient
import Testing
import Tracing

/// Traces, from a client through the broker and an object to those who follow it.
@Suite(.timeLimit(.minutes(1)))
struct TracingTests {
    private struct Forward: Message { var text: String }

    /// Asks one notebook, sends to another, and tells everybody.
    private struct Secretary: ServiceObject {
        struct State: Codable, Sendable {}
        var state = State()

        static var handlers: Handlers<Self> {
            Handle(Forward.self) { _, message, turn in
                _ = try await turn.object(Notebook.self, "asked").ask(Write(text: message.text))
                try turn.object(Notebook.self, "sent").send(Write(text: message.text))
                turn.publish([], to: "told.all")
                return Empty()
            }
        }
    }

    private struct Trace {
        let spans: [FinishedInMemorySpan]

        func only(_ name: String, _ kind: SpanKind, _ attribute: String = "", _ value: String = "") throws -> FinishedInMemorySpan {
            let found = spans.filter {
                $0.operationName == name && $0.kind == kind && (attribute.isEmpty || $0.attributes.get(attribute) == .string(value))
            }
            #expect(found.count == 1, "\(name) \(kind) \(value)")
            return try #require(found.first)
        }
    }

    /// Runs `body` with a client of a node, both with a tracer, and returns all spans.
    private func trace<Result: Sendable>(
        _ body: @escaping @Sendable (RivuletClient) async throws -> Result
    ) async throws -> (result: Result, Trace) {
        let tracer = InMemoryTracer()
        let result = try await withTracer(tracer) {
            try await withRunningNode(store: .memory, hosting: Notebook.self, Secretary.self) { node in
                try await withRivuletClient(node.url) { client in
                    try await body(client)
                }
            }
        }
        #expect(tracer.activeSpans.isEmpty)
        return (result, Trace(spans: tracer.finishedSpans))
    }

    private static func first(_ messages: Subscription) async throws -> BusMessage {
        var iterator = messages.makeAsyncIterator()
        return try #require(try await iterator.next())
    }

    @Test func aCallIsOneTraceFromTheClientToTheEvent() async throws {
        let (received, trace) = try await trace { client in
            let events = try await client.subscribe("evt.Notebook.>")
            let number = try await withSpan("test") { _ in try await client.object("Notebook", "a").ask(Write(text: "x")) }
            #expect(number == 1)
            return try await Self.first(events).serviceContext.inMemorySpanContext?.spanID
        }
        let test = try trace.only("test", .internal)
        let call = try trace.only("Notebook/Write", .client)
        let receive = try trace.only("receive", .consumer)
        let turn = try trace.only("Notebook/Write", .server)
        let toObject = try trace.only("deliver", .producer, "messaging.destination.name", "obj.Notebook.a.Write")
        let toFollowers = try trace.only("deliver", .producer, "messaging.destination.name", "evt.Notebook.a.Written")
        #expect(call.parentSpanID == test.spanID)
        #expect(receive.parentSpanID == call.spanID)
        #expect(toObject.parentSpanID == receive.spanID)
        #expect(turn.parentSpanID == call.spanID)
        #expect(toFollowers.parentSpanID == turn.spanID)
        #expect(received == turn.spanID)
        #expect(Set(trace.spans.map(\.traceID)) == [test.traceID])
        #expect(toFollowers.attributes.get("rivulet.deliveries") == .int64(1))
        #expect(turn.attributes.get("rpc.system") == .string("rivulet"))
        #expect(turn.attributes.get("rpc.service") == .string("Notebook"))
        #expect(turn.attributes.get("rpc.method") == .string("Write"))
        #expect(turn.attributes.get("rivulet.object.id") == .string("a"))
        #expect(turn.status?.code != .error)
    }

    @Test func whatATurnAsksSendsAndPublishesIsPartOfIt() async throws {
        let (told, trace) = try await trace { client in
            let messages = try await client.subscribe("told.all")
            let events = try await client.subscribe("evt.Notebook.sent.>")
            _ = try await client.object("Secretary", "main").ask(Forward(text: "x"))
            _ = try await Self.first(events)
            return try await Self.first(messages).serviceContext.inMemorySpanContext?.spanID
        }
        let turn = try trace.only("Secretary/Forward", .server)
        let asks = try trace.only("Notebook/Write", .client, "rivulet.object.id", "asked")
        let sends = try trace.only("Notebook/Write", .producer, "rivulet.object.id", "sent")
        #expect(asks.parentSpanID == turn.spanID)
        #expect(sends.parentSpanID == turn.spanID)
        #expect(try trace.only("Notebook/Write", .server, "rivulet.object.id", "asked").parentSpanID == asks.spanID)
        #expect(try trace.only("Notebook/Write", .server, "rivulet.object.id", "sent").parentSpanID == sends.spanID)
        #expect(told == turn.spanID)
        #expect(Set(trace.spans.map(\.traceID)).count == 1)
    }

    @Test func errorsAreInTheSpans() async throws {
        let (_, trace) = try await trace { client in
            await #expect(throws: CallError.self) { try await client.object("Notebook", "a").ask(Hold()) }
            await #expect(throws: CallError.self) { try await client.object("Nothing", "a").ask(Count()) }
            await #expect(throws: BusError.self) { try await client.request("nobody.there") }
        }
        for span in [
            try trace.only("Notebook/Hold", .client), try trace.only("Notebook/Hold", .server), try trace.only("Nothing/Count", .client),
            try trace.only("request", .client),
        ] {
            #expect(span.status?.code == .error)
            #expect(span.errors.count == 1)
        }
        #expect(try trace.only("Notebook/Hold", .server).attributes.get("rivulet.code") == .int64(500))
        #expect(try trace.only("Nothing/Count", .client).attributes.get("rivulet.code") == .int64(404))
    }

    @Test func publishedMessagesCarryTheTraceToWhoeverReadsThem() async throws {
        let (seen, trace) = try await trace { client in
            let messages = try await client.subscribe("chat.>")
            try await client.publish([], to: "chat.one")
            let one = try await Self.first(messages)
            try client.publish(BusMessage(subject: try Subject("chat.two")))
            let two = try await Self.first(messages)
            return [one, two].map { $0.serviceContext.inMemorySpanContext?.spanID }
        }
        for (subject, id) in zip(["chat.one", "chat.two"], seen) {
            let publish = try trace.only("publish", .producer, "messaging.destination.name", subject)
            #expect(id == publish.spanID)
            #expect(try trace.only("receive", .consumer, "messaging.destination.name", subject).parentSpanID == publish.spanID)
        }
    }

    @Test func withoutATracerObjectsPassTheTraceOnAsItIs() async throws {
        let headers: Headers = [
            "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate": "a=b", "other": "not passed on",
        ]
        try await withRunningNode(store: .memory, hosting: Notebook.self, Secretary.self) { node in
            try await withRivuletClient(node.url) { client in
                let events = try await client.subscribe("evt.Notebook.asked.>")
                let messages = try await client.subscribe("told.all")
                _ = try await client.request("obj.Secretary.main.Forward", Array(#"{"text":"x"}"#.utf8), headers: headers)
                for message in [try await Self.first(events), try await Self.first(messages)] {
                    #expect(message.headers["traceparent"] == headers["traceparent"])
                    #expect(message.headers["tracestate"] == "a=b")
                    #expect(message.headers["other"] == nil)
                }
            }
        }
    }
}
