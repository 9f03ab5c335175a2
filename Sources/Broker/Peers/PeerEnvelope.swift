import RivuletSubscriptions

/// What a message between nodes carries before its subject, if it is not simply for everybody outside queue groups:
/// `$RIVULET.D.<flags>.<count>.<node>.<queue>….<subject>`.
struct PeerEnvelope {
    struct Flags: OptionSet {
        let rawValue: UInt8
        /// Subscribers outside queue groups get it.
        static let plain = Flags(rawValue: 1)
        /// Nobody in a process gets it, since its publisher may not have its answer sent where it says.
        static let connectionsOnly = Flags(rawValue: 2)
        /// If nobody gets it, its publisher wants to know.
        static let answersUnreached = Flags(rawValue: 4)
    }

    /// No client can publish to these subjects across nodes.
    static let reservedPrefix = Array("$RIVULET.".utf8)
    private static let prefix = Array("$RIVULET.D.".utf8)

    let flags: Flags
    /// The queue groups of the node that reads it.
    let queues: [String]
    /// How many bytes come before the subject.
    let length: Int

    /// Two tokens and a dot.
    static func direction(to node: String, queue: String) -> [UInt8] {
        Array("\(node).\(SubjectToken.encode(queue)).".utf8)
    }

    /// Appends what comes before the subject.
    static func write(_ flags: Flags, to groups: [Subscriber], _ bytes: inout [UInt8]) {
        bytes += prefix
        bytes.append(UInt8(ascii: "a") + flags.rawValue)
        bytes += Array(".\(groups.count).".utf8)
        for group in groups { bytes += group.sid }
    }

    /// Nil if it is none.
    ///
    /// - Parameter node: The token of the node that reads it.
    init?(_ subject: UnsafeBufferPointer<UInt8>, for node: [UInt8]) {
        guard subject.starts(with: Self.prefix) else { return nil }
        var next = Self.prefix.count
        func token() -> Slice<UnsafeBufferPointer<UInt8>>? {
            let start = next
            while next < subject.count, subject[next] != UInt8(ascii: ".") { next += 1 }
            guard next < subject.count else { return nil }
            next += 1
            return subject[start..<(next - 1)]
        }
        guard let flags = token(), let flag = flags.first, flags.count == 1, (UInt8(ascii: "a")...UInt8(ascii: "h")).contains(flag),
            let digits = token(), let count = Int(String(decoding: digits, as: UTF8.self)), (0...subject.count).contains(count)
        else { return nil }
        var queues: [String] = []
        for _ in 0..<count {
            guard let target = token(), let queue = token() else { return nil }
            guard target.elementsEqual(node) else { continue }
            guard let name = SubjectToken.decode(String(decoding: queue, as: UTF8.self)) else { return nil }
            queues.append(name)
        }
        self.flags = Flags(rawValue: flag - UInt8(ascii: "a"))
        self.queues = queues
        length = next
    }
}
