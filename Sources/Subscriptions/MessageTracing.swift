public import RivuletWire
public import Tracing

/// Spans for what happens to messages, and in the messages' headers what carries their trace on.
///
/// Whether the process has a tracer is looked up when the value is made, so bootstrap it before. Without one nothing is done.
public struct MessageTracing: Sendable {
    private let tracer: any Tracer
    private let instrument: any Instrument
    /// Whether there is a tracer.
    public let isOn: Bool

    /// With the tracer of the process, or of the task where it has one of its own.
    public init() {
        tracer = InstrumentationSystem.tracer
        instrument = InstrumentationSystem.instrument
        isOn = !(tracer is NoOpTracer)
    }

    /// Begins a span; nil without a tracer.
    ///
    /// - Parameter context: What it is part of.
    public func begin(_ operation: TracedOperation, in context: ServiceContext) -> MessageSpan? {
        guard isOn else { return nil }
        let span = tracer.startSpan(operation.name, context: context, ofKind: operation.kind)
        span.updateAttributes { attributes in
            for (name, value) in operation.attributes { attributes[name] = value }
        }
        return MessageSpan(span: span, instrument: instrument)
    }

    /// Begins a span for something that sends a message: part of what the task does, or else of what the headers say already. From then
    /// on the headers carry the span on. Nil without a tracer, and then the headers stay as they are.
    public func begin(_ operation: TracedOperation, sending headers: inout Headers) -> MessageSpan? {
        guard isOn, let span = begin(operation, in: .current ?? context(of: headers)) else { return nil }
        span.inject(into: &headers)
        return span
    }

    /// What the message with these headers is part of; top level if they do not say.
    public func context(of headers: Headers) -> ServiceContext {
        var context = ServiceContext.topLevel
        if isOn, !headers.isEmpty { instrument.extract(headers, into: &context, using: HeaderCarrier()) }
        return context
    }
}

/// A span that ends once, with or without an error.
public final class MessageSpan: Sendable {
    private let span: any Span
    private let instrument: any Instrument

    fileprivate init(span: any Span, instrument: any Instrument) {
        self.span = span
        self.instrument = instrument
    }

    /// What is part of it.
    public var context: ServiceContext { span.context }

    /// Has a message carry it on.
    public func inject(into headers: inout Headers) {
        instrument.inject(span.context, into: &headers, using: HeaderCarrier())
    }

    /// Runs `body` as part of it.
    public func run<Result>(_ body: () async throws -> Result) async rethrows -> Result {
        try await ServiceContext.withValue(span.context, operation: body)
    }

    /// Adds a number that is known only now.
    public func set(_ attribute: String, _ value: Int) {
        span.updateAttributes { $0[attribute] = value }
    }

    /// It is over, and all is well.
    public func end() {
        span.end()
    }

    /// It is over, because of an error.
    public func end(with error: any Error) {
        span.recordError(error)
        span.setStatus(SpanStatus(code: .error, message: "\(error)"))
        span.end()
    }
}

/// What a span is about: its name, kind and attributes, as OpenTelemetry's conventions for messaging and RPC have them.
public struct TracedOperation: Sendable {
    let name: String
    let kind: SpanKind
    let attributes: [(String, String)]

    private init(_ name: String, _ kind: SpanKind, messaging subject: String) {
        self.name = name
        self.kind = kind
        attributes = [
            ("messaging.system", "rivulet"), ("messaging.operation.name", name), ("messaging.destination.name", subject),
        ]
    }

    private init(_ kind: SpanKind, object: ObjectID, message: String) {
        name = "\(object.kind)/\(message)"
        self.kind = kind
        attributes = [
            ("rpc.system", "rivulet"), ("rpc.service", object.kind), ("rpc.method", message), ("rivulet.object.id", object.id),
        ]
    }

    /// A client publishes a message.
    public static func publish(_ subject: Subject) -> TracedOperation { .init("publish", .producer, messaging: subject.description) }
    /// A client sends a request and waits for the reply.
    public static func request(_ subject: Subject) -> TracedOperation { .init("request", .client, messaging: subject.description) }
    /// A broker takes a message from a connection.
    public static func receive(_ subject: String) -> TracedOperation { .init("receive", .consumer, messaging: subject) }
    /// A broker hands a message to its subscribers.
    public static func deliver(_ subject: String) -> TracedOperation { .init("deliver", .producer, messaging: subject) }
    /// An object is asked, and its answer awaited.
    public static func ask(_ object: ObjectID, _ message: String) -> TracedOperation { .init(.client, object: object, message: message) }
    /// An object is sent a message, and no answer awaited.
    public static func send(_ object: ObjectID, _ message: String) -> TracedOperation { .init(.producer, object: object, message: message) }
    /// An object handles a message.
    public static func turn(_ object: ObjectID, _ message: String) -> TracedOperation { .init(.server, object: object, message: message) }
}

extension BusMessage {
    /// The trace that the message is part of, as the process's instrument reads it from the headers; top level if they have none.
    ///
    /// A consumer goes on with it: `withSpan("work", context: message.serviceContext) { … }`.
    public var serviceContext: ServiceContext {
        var context = ServiceContext.topLevel
        InstrumentationSystem.instrument.extract(headers, into: &context, using: HeaderCarrier())
        return context
    }
}

/// How instruments read and write headers.
private struct HeaderCarrier: Injector, Extractor {
    func inject(_ value: String, forKey key: String, into headers: inout Headers) { headers[key] = value }
    func extract(key: String, from headers: Headers) -> String? { headers[key] }
}
