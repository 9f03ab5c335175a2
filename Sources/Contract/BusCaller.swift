/// Calls objects over a message bus; what clients and nodes use.
public struct BusCaller: ObjectCaller {
    private let carrier: any CallCarrier
    private let time: any TimeSource
    private let defaultTimeout: Duration
    private let tracing = MessageTracing()

    /// A caller over `bus` whose requests wait for `defaultTimeout` unless they say otherwise.
    public init(bus: any MessageBus, requester: Requester, time: any TimeSource, defaultTimeout: Duration = .seconds(5)) {
        self.init(carrier: BusCarrier(bus: bus, requester: requester), time: time, defaultTimeout: defaultTimeout)
    }

    /// A caller whose messages `carrier` brings to their objects.
    public init(carrier: any CallCarrier, time: any TimeSource, defaultTimeout: Duration = .seconds(5)) {
        self.carrier = carrier
        self.time = time
        self.defaultTimeout = defaultTimeout
    }

    /// Sends the request with its time-out in a header, and waits.
    public func ask(_ request: ObjectRequest) async throws -> BusMessage {
        let timeout = request.timeout ?? defaultTimeout
        var message = try message(request)
        message.headers[HeaderName.timeout] = String(timeout.wholeMilliseconds)
        let span = tracing.begin(.ask(request.object, request.message), sending: &message.headers)
        do {
            let reply = try await carrier.request(message, to: request.object, deadline: time.now + timeout)
            span?.end(reply)
            return reply
        } catch let error as BusError {
            let error = CallError(error, calling: request)
            span?.end(with: error)
            throw error
        } catch {
            span?.end(with: error)
            throw error
        }
    }

    /// Publishes the request without a reply subject.
    public func send(_ request: ObjectRequest) throws {
        var message = try message(request)
        let span = tracing.begin(.send(request.object, request.message), sending: &message.headers)
        do throws(BusError) {
            try carrier.publish(message, to: request.object)
            span?.end()
        } catch {
            let error = CallError(error, calling: request)
            span?.end(with: error)
            throw error
        }
    }

    private func message(_ request: ObjectRequest) throws(CallError) -> BusMessage {
        do {
            let subject = try ObjectSubject.call(request.object, message: request.message)
            return BusMessage(subject: subject, headers: request.headers, payload: request.payload)
        } catch {
            throw CallError(.undecodable, error.description)
        }
    }
}

extension MessageSpan {
    /// It is over, with this reply, which may tell of an error.
    fileprivate func end(_ reply: BusMessage) {
        guard let error = CallError(reply: reply) else { return end() }
        set("rivulet.code", error.code.rawValue)
        end(with: error)
    }
}

extension CallError {
    fileprivate init(_ error: BusError, calling request: ObjectRequest) {
        switch error.code {
        case .noResponders: self.init(.unavailable, "no node serves \(request.object.kind)")
        case .timeout: self.init(.deadline, "\(request.object) did not answer \(request.message) in time")
        case .full: self.init(.overloaded, error.message)
        default: self.init(.unavailable, error.message)
        }
    }
}

extension Duration {
    /// Whole milliseconds, rounded down, never negative; very long durations are capped at about 31 years.
    public var wholeMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        return max(0, min(seconds, 1_000_000_000) * 1000 + attoseconds / 1_000_000_000_000_000)
    }
}
