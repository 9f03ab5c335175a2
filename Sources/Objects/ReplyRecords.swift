import DequeModule
import RivuletBackbone

/// The answers to idempotent requests that an activation still remembers.
struct ReplyRecords: Sendable {
    private var replies: [String: StoredReply] = [:]
    private var byExpiry: Deque<StoredReply> = []

    init(_ stored: [StoredReply] = []) {
        byExpiry = Deque(stored.sorted { $0.expires < $1.expires })
        for reply in stored { replies[reply.messageID] = reply }
    }

    subscript(messageID: String) -> StoredReply? { replies[messageID] }

    mutating func insert(_ reply: StoredReply) {
        replies[reply.messageID] = reply
        byExpiry.append(reply)
    }

    mutating func forget(before now: Timestamp) {
        while let first = byExpiry.first, first.expires <= now {
            byExpiry.removeFirst()
            if replies[first.messageID]?.expires == first.expires { replies[first.messageID] = nil }
        }
    }
}
