/// Calls objects over a message bus; what clients and nodes use.
public struct BusCaller: ObjectCaller {
    private let bus: any MessageBus
    private let requester: Requester
    private let time: any TimeSource
    private let defaultTimeout: Duration

    /// A caller over `bus` whose requests wait for `defaultTimeout` unless they say otherwise.
    public init(bus: any MessageBus, requester: Requester, time: any TimeSource, defaultTimeout: Duration = .seconds(5)) {
        self.bus = bus
        self.requester = requester
        self.time = time
        self.defaultTimeout = defaultTimeout
    }

    /// Sends the request with its time-out in a header, and waits.
    public func ask(_ request: ObjectRequest) async throws -> BusMessage {
        let timeout = request.timeout ?? defaultTimeout
        var message = try message(request)
        message.headers[HeaderName.timeout] = String(timeout.wholeMilliseconds)
        do {
            return try await requester.request(message, deadline: time.now + timeout)
        } catch let error as BusError {
            throw CallError(error, calling: request)
        }
    }

    /// Publishes the request without a reply subject.
    public func send(_ request: ObjectRequest) throws {
        do {
            try bus.publish(message(request))
        } catch let error as BusError {
            throw CallError(error, calling: request)
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
