public import RivuletContract
public import RivuletSubscriptions
public import RivuletWire

extension RivuletClient {
    /// Publishes a request and waits for the first reply.
    ///
    /// - Parameter timeout: How long to wait; nil for ``ClientConfiguration/requestTimeout``.
    /// - Throws: ``SubjectError``; ``BusError`` `noResponders` at once when nobody is subscribed, `timeout`, `disconnected`, `full`,
    ///   `limit` or `closed`; `CancellationError`.
    public func request(
        _ subject: String, _ payload: [UInt8] = [], headers: Headers = Headers(), timeout: Duration? = nil
    ) async throws -> BusMessage {
        var message = BusMessage(subject: try Subject(subject), headers: headers, payload: payload)
        let span = core.tracing.begin(.request(message.subject), sending: &message.headers)
        do {
            let reply = try await requester.request(message, deadline: core.time.now + (timeout ?? configuration.requestTimeout))
            span?.end()
            return reply
        } catch {
            span?.end(with: error)
            throw error
        }
    }

    /// The object of this kind and id, to be called and followed. Nothing is sent before that.
    public func object(_ kind: String, _ id: String) -> RemoteObject {
        let timeout = configuration.requestTimeout
        let caller =
            if let owners {
                BusCaller(carrier: owners, time: core.time, defaultTimeout: timeout)
            } else {
                BusCaller(bus: core, requester: requester, time: core.time, defaultTimeout: timeout)
            }
        return RemoteObject(ObjectID(kind: kind, id: id), caller: caller, source: eventSource)
    }

    /// Where events come from: this connection.
    public var eventSource: EventSource {
        var source = EventSource(bus: core, time: core.time)
        source.readTimeout = configuration.requestTimeout
        return source
    }
}
