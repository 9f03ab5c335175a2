import RivuletBroker
import RivuletSubscriptions

/// What nodes tell each other about what is subscribed to: JSON that is a batch by itself.
struct Announcement: Codable, Sendable, Equatable {
    enum Kind: String, Codable, Sendable {
        /// A node has begun to listen: all it wants. The others are to tell the same.
        case hello
        /// All a node wants.
        case whole
        /// What a node wants more and less than in the version before.
        case change
        /// The version a node is at.
        case alive
        /// One node is to tell all it wants.
        case ask
        /// A node leaves.
        case bye
    }

    var kind: Kind
    /// Who tells.
    var node: String
    /// Who is asked.
    var target: String?
    var version: UInt64 = 0
    var added: [AnnouncedPattern] = []
    var removed: [AnnouncedPattern] = []
}

/// A pattern as `["a.>"]`, and with its queue group as `["a.>", "workers"]`.
struct AnnouncedPattern: Codable, Sendable, Equatable {
    let wanted: SubscribedPattern

    init(_ wanted: SubscribedPattern) {
        self.wanted = wanted
    }

    init(from decoder: any Decoder) throws {
        var texts = try decoder.unkeyedContainer()
        let pattern = try SubjectPattern(texts.decode(String.self))
        wanted = SubscribedPattern(pattern, queue: texts.isAtEnd ? nil : try texts.decode(String.self))
    }

    func encode(to encoder: any Encoder) throws {
        var texts = encoder.unkeyedContainer()
        try texts.encode(wanted.pattern.description)
        if let queue = wanted.queue { try texts.encode(queue) }
    }
}
