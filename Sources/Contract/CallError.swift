/// Why a call to an object has no ordinary answer.
///
/// On the wire it is the NATS service convention: headers `Nats-Service-Error-Code` and `Nats-Service-Error`.
public struct CallError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kinds of trouble, numbered as in HTTP.
    public struct Code: RawRepresentable, Hashable, Sendable {
        /// The number in the header.
        public let rawValue: Int
        /// A code with this number.
        public init(rawValue: Int) { self.rawValue = rawValue }

        /// 400: the subject or the payload cannot be understood.
        public static let undecodable = Code(rawValue: 400)
        /// 404: there is no such kind or message.
        public static let unknown = Code(rawValue: 404)
        /// 408: the deadline passed before the answer was there. The turn may still happen.
        public static let deadline = Code(rawValue: 408)
        /// 422: the object refused; the body holds its own typed error.
        public static let refused = Code(rawValue: 422)
        /// 429: too many messages wait for the object.
        public static let overloaded = Code(rawValue: 429)
        /// 500: the handler failed in a way it did not declare. Nothing was changed.
        public static let failed = Code(rawValue: 500)
        /// 503: nobody can serve the call now, or its turn could not be committed.
        public static let unavailable = Code(rawValue: 503)
        /// 508: the object is part of the chain of calls that waits for this one.
        public static let callCycle = Code(rawValue: 508)
    }

    /// What kind of trouble it is.
    public let code: Code
    /// A sentence for people.
    public let message: String
    /// With 422, the name of the application's error type.
    public let errorName: String?
    /// With 422, that error as JSON.
    public let body: [UInt8]

    /// An error with a code and a sentence.
    public init(_ code: Code, _ message: String, errorName: String? = nil, body: [UInt8] = []) {
        self.code = code
        self.message = message
        self.errorName = errorName
        self.body = body
    }

    /// An application's own error, as it travels.
    public init(refusedWith error: any ServiceError) {
        let body = (try? JSONPayload.encode(error)) ?? []
        self.init(.refused, error.message, errorName: type(of: error).name, body: body)
    }

    /// `404 GameTable has no message "Fly"`.
    public var description: String { "\(code.rawValue) \(message)" }
}

extension CallError {
    /// The error a reply carries, or nil when it is an ordinary answer.
    public init?(reply: BusMessage) {
        if let status = reply.headers.status, status >= 400 {
            self.init(Code(rawValue: status), reply.headers.statusText ?? "the request was not served")
            return
        }
        guard let code = reply.headers[HeaderName.serviceErrorCode].flatMap({ Int($0) }) else { return nil }
        self.init(
            Code(rawValue: code), reply.headers[HeaderName.serviceError] ?? "no reason given",
            errorName: reply.headers[HeaderName.errorName], body: reply.payload)
    }

    /// The headers that tell a caller.
    public var headers: Headers {
        var headers = Headers()
        headers[HeaderName.serviceErrorCode] = String(code.rawValue)
        headers[HeaderName.serviceError] = message
        headers[HeaderName.errorName] = errorName
        return headers
    }
}
