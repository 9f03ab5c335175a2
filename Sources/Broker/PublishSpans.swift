import RivuletSubscriptions
import RivuletWire
import Tracing

/// The spans of a message that the broker takes and hands on. Only messages whose headers say of which trace they are part have them,
/// and only where there is a tracer.
struct PublishSpans {
    /// Nil for a message of the process.
    fileprivate let receive: MessageSpan?
    fileprivate let deliver: MessageSpan

    /// The message has been handed on.
    func end(deliveries: Int) {
        deliver.set("rivulet.deliveries", deliveries)
        deliver.end()
        receive?.end()
    }
}

extension Router {
    /// For a message of a network connection.
    func beginSpans(of frame: PublishFrame, in bytes: borrowing Swift.Span<UInt8>) -> PublishSpans? {
        guard tracing.isOn, let range = frame.headers else { return nil }
        guard let headers = try? Headers(parsing: Array(copying: bytes.extracting(range))) else { return nil }
        let context = tracing.context(of: headers)
        let subject = String(decoding: Array(copying: bytes.extracting(frame.subject)), as: UTF8.self)
        guard !context.isEmpty, let receive = tracing.begin(.receive(subject), in: context) else { return nil }
        return tracing.begin(.deliver(subject), in: receive.context).map { PublishSpans(receive: receive, deliver: $0) }
    }

    /// For a message of the process.
    func beginSpans(of message: BusMessage) -> PublishSpans? {
        guard tracing.isOn else { return nil }
        let context = tracing.context(of: message.headers)
        guard !context.isEmpty else { return nil }
        return tracing.begin(.deliver(message.subject.description), in: context).map { PublishSpans(receive: nil, deliver: $0) }
    }
}
