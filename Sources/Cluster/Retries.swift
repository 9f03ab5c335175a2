import RivuletSubscriptions
import Synchronization

/// Messages that surely no node has handled, until their objects' owners are looked for. Those for one object keep their order.
final class Retries: Sendable {
    private struct State {
        /// Empty while those that were there are handed out: what comes meanwhile must not overtake them.
        var waiting: [ObjectID: [Parcel]] = [:]
        var room: Room
        /// When ``late`` rings next.
        var alarm: Duration?
        var isClosed = false

        /// Puts it before those that were sent later: one that is refused a second time may come back after them.
        mutating func keep(_ parcel: Parcel) {
            var parcel = parcel
            parcel.hasWaited = true
            room.take(parcel.size)
            let before = waiting[parcel.object]?.lastIndex { $0.number < parcel.number }
            waiting[parcel.object, default: []].insert(parcel, at: before.map { $0 + 1 } ?? 0)
        }

        mutating func letGo(_ parcels: [Parcel]) {
            for parcel in parcels { room.give(parcel.size) }
        }
    }

    private static let firstPause = Duration.milliseconds(10)
    private static let longestPause = Duration.milliseconds(250)
    /// How much later than it should be a message may be given up, so that not each has to be looked for by itself.
    private static let lateness = Duration.milliseconds(50)

    /// What becomes of a message that must not overtake others.
    enum BehindOthers {
        case kept, noOthers, noRoom
    }

    /// The objects whose time has come.
    let due: BoundedChannel<ObjectID>
    /// Rings when the time of messages is over.
    let late = BoundedChannel<Void>(capacity: 1, whenFull: .dropNewest)
    private let time: any TimeSource
    /// Most messages, and most objects: each has its place in ``due`` once.
    private let limit: Int
    private let state: Mutex<State>
    /// Whether anything is kept, for those who look at every message that comes.
    private let isInUse = Atomic(false)

    /// - Parameters:
    ///   - limit: How many messages are kept.
    ///   - byteLimit: How many bytes of them.
    init(limit: Int, byteLimit: Int, time: any TimeSource) {
        self.time = time
        self.limit = limit
        state = Mutex(State(room: Room(messages: limit, bytes: byteLimit)))
        due = BoundedChannel(capacity: limit, whenFull: .dropNewest)
    }

    private func change<Result>(_ body: (inout State) -> Result) -> Result {
        state.withLock { state in
            defer { isInUse.store(!state.waiting.isEmpty, ordering: .relaxed) }
            return body(&state)
        }
    }

    /// Whether messages for the object are kept, or just handed out: others must not overtake them.
    func hold(_ object: ObjectID) -> Bool {
        isInUse.load(ordering: .relaxed) && state.withLock { $0.waiting[object] != nil }
    }

    /// Keeps a message that was tried in vain, or not yet; false if there is no room, or its time is over.
    func add(_ parcel: Parcel) -> Bool {
        guard time.now < parcel.end, let isFirst = append(parcel) else { return false }
        watch(until: parcel.end)
        if isFirst { schedule(parcel.object, after: parcel.attempts) }
        return true
    }

    /// Keeps a message if others for the same object are kept, which it must not overtake.
    func addBehindOthers(_ parcel: Parcel) -> BehindOthers {
        let place = change { state -> BehindOthers in
            guard state.waiting[parcel.object] != nil else { return .noOthers }
            guard state.room.fits(parcel.size) else { return .noRoom }
            state.keep(parcel)
            return .kept
        }
        if place == .kept { watch(until: parcel.end) }
        return place
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
        change { state in
            guard let refused = state.waiting[object]?.first, let next = rest.first, refused.number < next.number else { return false }
            for parcel in rest { state.keep(parcel) }
            return true
        }
    }

    /// What waits for the object; or, if some of it was refused and that is not wanted, how often.
    private func take(_ object: ObjectID, withRefused: Bool) -> (parcels: [Parcel], attempts: Int?) {
        change { state in
            guard let parcels = state.waiting[object], !parcels.isEmpty else {
                state.waiting[object] = nil
                return ([], nil)
            }
            if !withRefused, let attempts = parcels.map(\.attempts).max(), attempts > 0 { return ([], attempts) }
            state.waiting[object] = []
            state.letGo(parcels)
            return (parcels, nil)
        }
    }

    /// Whether a message for the object still waits.
    func hasAny(for object: ObjectID) -> Bool {
        change { state in
            if state.waiting[object]?.isEmpty == true { state.waiting[object] = nil }
            return state.waiting[object] != nil
        }
    }

    /// Has the object wait longer, since nobody can have it now.
    func postpone(_ object: ObjectID) {
        if hasAny(for: object) { schedule(object, after: .max) }
    }

    /// Hands out what waits for the object, which is given up.
    func takeAll(for object: ObjectID) -> [Parcel] {
        change { state in
            let parcels = state.waiting.removeValue(forKey: object) ?? []
            state.letGo(parcels)
            return parcels
        }
    }

    /// Hands out the messages whose time is over, though their objects' owners are just being looked for.
    func takeLate() -> [Parcel] {
        let now = time.now
        let (late, next) = change { state -> ([Parcel], Duration?) in
            var late: [Parcel] = []
            for (object, parcels) in state.waiting where parcels.contains(where: { $0.end <= now }) {
                late += parcels.filter { $0.end <= now }
                state.waiting[object] = parcels.filter { $0.end > now }
            }
            state.letGo(late)
            state.alarm = nil
            return (late, state.waiting.values.joined().lazy.map(\.end).min())
        }
        if let next { watch(until: max(next, now + Self.lateness)) }
        return late.sorted { $0.number < $1.number }
    }

    /// Hands out everything, and keeps nothing from now on.
    func takeAll() -> [Parcel] {
        change { state in
            state.isClosed = true
            let parcels = state.waiting.values.flatMap { $0 }
            state.waiting = [:]
            state.letGo(parcels)
            return parcels
        }
    }

    /// Whether it is the first for its object; nil if there is no room.
    private func append(_ parcel: Parcel) -> Bool? {
        change { state in
            let isFirst = state.waiting[parcel.object] == nil
            guard state.room.fits(parcel.size), !state.isClosed, !isFirst || state.waiting.count < limit else { return nil }
            state.keep(parcel)
            return isFirst
        }
    }

    /// Has ``late`` ring then, unless it does before.
    private func watch(until end: Duration) {
        let isFirst = change { state in
            if let alarm = state.alarm, alarm <= end { return false }
            state.alarm = end
            return true
        }
        if isFirst { _ = time.schedule(at: end) { [late] in late.send(()) } }
    }

    /// At once at first: most often the owner has just changed.
    private func schedule(_ object: ObjectID, after attempts: Int) {
        guard attempts > 1 else { return due.send(object) }
        let pause = attempts > 6 ? Self.longestPause : min(Self.firstPause * (1 << (attempts - 2)), Self.longestPause)
        _ = time.schedule(at: time.now + pause) { [due] in due.send(object) }
    }
}
