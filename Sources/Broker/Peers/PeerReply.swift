/// A reply subject that finds its inbox from any node: `_R_.<node>.<inbox>`.
///
/// Requests get one when they leave their node, since inboxes are not told to other nodes.
struct PeerReply {
    static let prefix = Array("_R_.".utf8)
    static let inboxPrefix = Array("_INBOX.".utf8)

    /// How many bytes come before the inbox.
    let length: Int

    /// Nil for any other subject.
    init?(_ subject: UnsafeBufferPointer<UInt8>) {
        guard subject.starts(with: Self.prefix) else { return nil }
        var end = Self.prefix.count
        while end < subject.count, subject[end] != UInt8(ascii: ".") { end += 1 }
        guard end < subject.count, end > Self.prefix.count, subject[(end + 1)...].starts(with: Self.inboxPrefix) else { return nil }
        length = end + 1
    }

    /// What replies to inboxes of this node begin with on others.
    static func prefix(of node: String) -> [UInt8] { prefix + Array(node.utf8) + [UInt8(ascii: ".")] }
}
