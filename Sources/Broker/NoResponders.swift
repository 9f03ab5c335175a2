import RivuletSubscriptions
import RivuletWire

/// The answer of the server itself to a request that nobody is subscribed for: status 503, with the request's subject.
struct NoResponders {
    let headers: Headers

    init(subject: some Collection<UInt8>) {
        var headers = Headers.status(503)
        headers["Nats-Subject"] = String(decoding: subject, as: UTF8.self)
        self.headers = headers
    }

    /// Sends it to the connection that asked, if it is subscribed to the reply subject, and to nobody else.
    func send(to outbox: Outbox, at reply: [UInt8], router: Router, into batch: inout DeliveryBatch) {
        let route = router.interest.route(for: reply.span)
        guard let own = (route.plain + route.groups.joined()).first(where: { $0.belongs(to: outbox) }) else { return }
        var tail: [UInt8] = []
        let block = headers.encoded()
        FrameEncoder.messageTail(reply: Span(), headers: block.span, payload: Span(), to: &tail)
        let result = outbox.append(subject: reply.span, tail: tail.span, hasHeaders: true, size: block.count, for: own)
        batch.note(result, at: outbox)
        if result.contains(.expired) { router.expire(own, of: outbox) }
    }
}
