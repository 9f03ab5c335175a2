/// Answers `$SRV.PING`, `INFO` and `STATS` for the hosted kinds, as NATS micro services do (ADR-32), so that service tools list them.
struct ServiceAnnouncer: Sendable {
    private struct Endpoint: Encodable {
        var name: String
        var subject: String
        var queue_group = ""
        var metadata: [String: String]? = nil
        var num_requests: Int? = nil
        var num_errors: Int? = nil
        var last_error: String? = nil
        var data: [String: String]? = nil
        var processing_time: Int64? = nil
        var average_processing_time: Int64? = nil
    }

    private struct Answer: Encodable {
        var type: String
        var name: String
        var id: String
        var version = "1.0.0"
        var metadata: [String: String] = [:]
        var description: String?
        var started: String?
        var endpoints: [Endpoint]?
    }

    private let kinds: [KindHost]
    private let id = String(UInt64.random(in: .min ... .max), radix: 36)
    private let started: Timestamp
    private let publish: @Sendable (BusMessage) -> Void

    init(kinds: [KindHost], time: any TimeSource, publish: @escaping @Sendable (BusMessage) -> Void) {
        self.kinds = kinds
        started = time.wallTime
        self.publish = publish
    }

    /// `$SRV.<VERB>`, `$SRV.<VERB>.<name>` or `$SRV.<VERB>.<name>.<id>`.
    func receive(_ message: BusMessage) {
        let tokens = message.subject.tokens
        guard let reply = message.reply, (2...4).contains(tokens.count), tokens.count < 4 || tokens[3] == id else { return }
        for kind in kinds where tokens.count == 2 || tokens[2] == kind.name {
            guard let answer = answer(tokens[1], kind), let payload = try? JSONPayload.encode(answer) else { continue }
            publish(BusMessage(subject: reply, payload: payload))
        }
    }

    private func answer(_ verb: Substring, _ kind: KindHost) -> Answer? {
        switch verb {
        case "PING": return Answer(type: "io.nats.micro.v1.ping_response", name: kind.name, id: id)
        case "INFO":
            return Answer(
                type: "io.nats.micro.v1.info_response", name: kind.name, id: id, description: "Rivulet objects of kind \(kind.name)",
                endpoints: kind.messages.map { Endpoint(name: $0, subject: subject(kind, $0), metadata: [:]) })
        case "STATS":
            let values = kind.statistics.snapshot
            let total = values.processingTime.components
            let nanoseconds = total.seconds.multipliedReportingOverflow(by: 1_000_000_000).partialValue + total.attoseconds / 1_000_000_000
            let endpoint = Endpoint(
                name: kind.name, subject: subject(kind, "*"), num_requests: values.requests, num_errors: values.errors,
                last_error: values.lastError, data: [:], processing_time: nanoseconds,
                average_processing_time: values.requests == 0 ? 0 : nanoseconds / Int64(values.requests))
            return Answer(
                type: "io.nats.micro.v1.stats_response", name: kind.name, id: id,
                started: started.description.prefix(23) + "Z",  // milliseconds: more than six decimals are too many for nats-py
                endpoints: [endpoint])
        default: return nil
        }
    }

    private func subject(_ kind: KindHost, _ message: String) -> String {
        "obj.\(SubjectToken.encode(kind.name)).*.\(message == "*" ? message : SubjectToken.encode(message))"
    }
}
