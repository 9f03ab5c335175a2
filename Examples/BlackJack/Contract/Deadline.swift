public import RivuletContract

/// When something happens by itself: a moment on the server's clock, for display; RFC 3339 in JSON.
public struct Deadline: Hashable, Sendable, Codable {
    /// The moment.
    public let time: Timestamp

    /// The moment that comes `delay` after `start`.
    public init(_ delay: Duration, after start: Timestamp) {
        let (nanoseconds, overflow) = start.nanoseconds.addingReportingOverflow(delay.wholeMilliseconds * 1_000_000)
        time = overflow ? Timestamp(nanoseconds: .max) : Timestamp(nanoseconds: nanoseconds)
    }

    /// What is left of it; zero when it has passed.
    public func remaining(at now: Timestamp) -> Duration {
        .nanoseconds(max(0, time.nanoseconds.subtractingReportingOverflow(now.nanoseconds).partialValue))
    }

    /// Reads RFC 3339.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let time = Timestamp(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "\"\(text)\" is not a time")
        }
        self.time = time
    }

    /// Writes RFC 3339.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(time.description)
    }
}

/// Whose turn it is, and how long.
public struct PlayerTurn: Codable, Sendable, Hashable {
    /// The seat, from 1.
    public var seat: Int
    /// When the player stands who has done nothing.
    public var until: Deadline

    /// A turn.
    public init(seat: Int, until: Deadline) {
        self.seat = seat
        self.until = until
    }
}
