/// What a subscriber keeps in order to resume: the stream's epoch and the sequence of the last event it has seen.
///
/// Positions of one stream and epoch are ordered by sequence. A stream that was made anew has another epoch, and positions in the
/// old one mean nothing in it.
public struct Position: Hashable, Sendable, Codable, CustomStringConvertible {
    /// Names one life of the stream.
    public var epoch: String
    /// The number of the event in its stream; the first is 1.
    public var sequence: UInt64

    /// A position.
    public init(epoch: String, sequence: UInt64) {
        self.epoch = epoch
        self.sequence = sequence
    }

    /// Reads what ``description`` writes.
    public init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let sequence = UInt64(text[text.index(after: colon)...]) else { return nil }
        self.init(epoch: String(text[..<colon]), sequence: sequence)
    }

    /// `epoch:sequence`.
    public var description: String { "\(epoch):\(sequence)" }
}
