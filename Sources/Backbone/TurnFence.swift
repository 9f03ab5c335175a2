/// Judges the turns of one object in a batch, in order.
///
/// A turn that builds on a fenced one is fenced too, also where the version that it expects has come to be stored otherwise: by a commit,
/// say, whose outcome was not known.
package struct TurnFence: Sendable {
    /// What the last turn would have left, if it was fenced.
    private var unwritten: (version: UInt64, ownerEpoch: UInt64)?

    /// No turn was fenced yet.
    package init() {}

    /// Whether a turn commits.
    ///
    /// - Parameters:
    ///   - version: The object's, after the turns before.
    ///   - ownerEpoch: That under which the object is owned.
    package mutating func admits(_ turn: TurnCommit, on version: UInt64, _ ownerEpoch: UInt64) -> Bool {
        let buildsOnFenced = unwritten.map { $0 == (turn.expectedVersion, turn.ownerEpoch) } ?? false
        guard !buildsOnFenced, turn.expectedVersion == version, turn.ownerEpoch == ownerEpoch else {
            unwritten = (turn.expectedVersion &+ 1, turn.ownerEpoch)
            return false
        }
        unwritten = nil
        return true
    }
}
