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

    /// Sends it to the connection that asked, if it is subscribed to the reply subject outside any queue group, and to nobody else.
    /// The subscription's maximum is for messages, which this is not.
    func send(to outbox: Outbox, at reply: [UInt8], router: Router, into batch: inout DeliveryBatch) {
        guard SubjectForm(reply, maximumTokens: .max) != .broken,
            let own = router.interest.route(for: reply.span).plain.first(where: { $0.belongs(to: outbox) })
        else { return }
        var frame: [UInt8] = []
        let sid = own.sid.dropLast()
        FrameEncoder.message(
            subject: reply.span, sid: sid.span, reply: Span(), headers: headers.encoded().span, payload: Span(), to: &frame)
        batch.note(outbox.append(frame), at: outbox)
    }
}
