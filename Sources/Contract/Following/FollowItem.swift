/// What a follower of events gets.
public enum FollowItem<Event: Sendable>: Sendable {
    /// An event, and where it stands: keep the position to resume after the event.
    case event(Event, Position)
    /// Everything there was is read; what follows is live. Told once.
    case caughtUp
    /// Something is missing here, and cannot be had any more.
    case gap(EventGap)
}

extension FollowItem: Equatable where Event: Equatable {}
extension FollowItem: Hashable where Event: Hashable {}

/// What a follower could not get.
public enum EventGap: Sendable, Hashable, CustomStringConvertible {
    /// Events of these sequences are not kept any more. For a follower of one object: its events among them.
    case missing(ClosedRange<UInt64>)
    /// The stream is not the one that was followed: it was made anew. It is read from its beginning.
    ///
    /// `was` is where the follower stood in the old one, `epoch` names the new one. They have the same epoch if the stream was put back
    /// to an earlier state than the follower had seen.
    case replaced(was: Position, epoch: String)

    /// A sentence for people.
    public var description: String {
        switch self {
        case .missing(let range): "events \(range.lowerBound) to \(range.upperBound) are not kept any more"
        case .replaced(let was, let epoch): "the stream was replaced: it stood at \(was), and is now \(epoch)"
        }
    }
}

/// Where to start following.
public enum StartPosition: Sendable, Hashable {
    /// At the oldest event that is kept.
    case beginning
    /// At what comes next.
    case now
    /// At the event with this sequence, or the next one after it.
    case sequence(UInt64)
    /// After the event at this position. If the stream was replaced since, a gap says so.
    case after(Position)
}
