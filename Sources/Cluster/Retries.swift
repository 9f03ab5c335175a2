import RivuletSubscriptions
import Synchronization

/// Messages that surely no node has handled, until their objects' owners are looked for. Those for one object keep their order.
final class Retries: Sendable {
    private struct State {
        /// Empty while those that were there are handed out: what comes meanwhile must not overtake them.
        var waiting: [ObjectID: [Parcel]] = [:]
        var count = 0
        var isClosed = false

        /// Puts it before those that were sent later: one that is refused a second time may come back after them.
        mutating func keep(_ parcel: Parcel) {
            count += 1
            let before = waiting[parcel.object]?.lastIndex { $0.number < parcel.number }
            waiting[parcel.object, default: []].insert(parcel, at: before.map { $0 + 1 } ?? 0)
        }
    }

    private static let firstPause = Duration.milliseconds(10)
    private static let longestPause = Duration.milliseconds(250)

    /// The objects whose time has come.
    let due: BoundedChannel<ObjectID>
    private let limit: Int
    private let time: any TimeSource
    private let state = Mutex(State())

    init(limit: Int, time: any TimeSource) {
        self.limit = limit
        self.time = time
        due = BoundedChannel(capacity: limit, whenFull: .dropNewest)
    }

    /// Keeps a message that was tried in vain, or not yet; false if there is no room, or its time is over.
    func add(_ parcel: Parcel) -> Bool {
        guard time.now < parcel.end, let isFirst = append(parcel) else { return false }
        if isFirst { schedule(parcel.object, after: parcel.attempts) }
        return true
    }

    /// Keeps a message if others for the same object are kept, which it must not overtake. False also when there is no room.
    func addBehindOthers(_ parcel: Parcel) -> Bool {
        state.withLock { state in
            guard state.count < limit, state.waiting[parcel.object] != nil else { return false }
            state.keep(parcel)
            return true
        }
    }

    /// Hands out what waits for the object, and what comes meanwhile; but what is refused meanwhile waits again.
    func handOut(_ object: ObjectID, _ handOut: (Parcel) -> Void) {
        var isFirst = true
        while true {
            let (parcels, attempts) = take(object, withRefused: isFirst)
            if let attempts { return schedule(object, after: attempts) }
            guard !parcels.isEmpty else { return }
            for (place, parcel) in parcels.enumerated() {
                if keep(parcels[place...], ofRefused: object) { break }
                handOut(parcel)
            }
            isFirst = false
        }
    }

    /// Keeps what is being handed out if a message before it was refused meanwhile, which it must not overtake.
    private func keep(_ rest: ArraySlice<Parcel>, ofRefused object: ObjectID) -> Bool {
        state.withLock { state in
            guard let refused = state.waiting[object]?.first, let next = rest.first, refused.number < next.number else { return false }
            for parcel in rest { state.keep(parcel) }
            return true
        }
    }

    /// What waits for the object; or, if some of it was refused and that is not wanted, how often.
    private func take(_ object: ObjectID, withRefused: Bool) -> (parcels: [Parcel], attempts: Int?) {
        state.withLock { state in
            guard let parcels = state.waiting[object], !parcels.isEmpty else {
                state.waiting[object] = nil
                return ([], nil)
            }
            if !withRefused, let attempts = parcels.map(\.attempts).max(), attempts > 0 { return ([], attempts) }
            state.waiting[object] = []
            state.count -= parcels.count
            return (parcels, nil)
        }
    }

    /// Has the object wait longer, since nothing could be found out; hands out the messages whose time is over.
    func postpone(_ object: ObjectID) -> [Parcel] {
        let now = time.now
        let (late, waits) = state.withLock { state -> ([Parcel], Bool) in
            let parcels = state.waiting.removeValue(forKey: object) ?? []
            let left = parcels.filter { $0.end > now }
            state.count -= parcels.count - left.count
            if !left.isEmpty { state.waiting[object] = left }
            return (parcels.filter { $0.end <= now }, !left.isEmpty)
        }
        if waits { schedule(object, after: .max) }
        return late
    }

    /// Hands out everything, and keeps nothing from now on.
    func takeAll() -> [Parcel] {
        state.withLock { state in
            defer { state = State(isClosed: true) }
            return state.waiting.values.flatMap { $0 }
        }
    }

    /// Whether it is the first for its object; nil if there is no room.
    private func append(_ parcel: Parcel) -> Bool? {
        state.withLock { state in
            guard state.count < limit, !state.isClosed else { return nil }
            let isFirst = state.waiting[parcel.object] == nil
            state.keep(parcel)
            return isFirst
        }
    }

    /// At once at first: most often the owner has just changed.
    private func schedule(_ object: ObjectID, after attempts: Int) {
        guard attempts > 1 else { return due.send(object) }
        let pause = attempts > 6 ? Self.longestPause : min(Self.firstPause * (1 << (attempts - 2)), Self.longestPause)
        _ = time.schedule(at: time.now + pause) { [due] in due.send(object) }
    }
}
