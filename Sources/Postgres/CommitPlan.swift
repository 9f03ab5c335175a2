import RivuletBackbone
import RivuletSubscriptions

/// A batch judged on what objects are taken to be: which turns commit, and what is to be written for them, in the order in which rows
/// are locked.
///
/// Of an object nothing is known at first: it is taken to be what its first turn expects. The database says where that is wrong, and
/// then the batch is judged again on what it said.
struct CommitPlan: Sendable {
    /// What a turn is judged by.
    struct Basis: Sendable, Hashable {
        var version: UInt64
        var ownerEpoch: UInt64
    }

    struct ObjectChange: Sendable {
        let object: ObjectID
        let name: StoredName
        let basis: Basis
        var turns: UInt64 = 0
        var state: [UInt8]?
        /// The place of its stream, from 1 on; 0 while it has no events.
        var stream = 0
        var events: UInt64 = 0
        /// The rank of its last event in the stream's part of this batch; 0 while it has none.
        var lastRank: UInt64 = 0
    }

    struct StreamPart: Sendable {
        let kind: String
        let name: String
        var events: UInt64 = 0
    }

    /// A turn that commits if all is as it is taken to be.
    struct PlannedTurn: Sendable {
        /// The place of its object, from 1 on.
        let object: Int
        /// The rank of its first event; 0 when it has none.
        let firstRank: UInt64
        /// The rank of the object's event before it in the batch; 0 when there is none.
        let previousRank: UInt64
        /// How many events the object has before it in the batch.
        let previousEvents: UInt64
    }

    private(set) var objects: [ObjectChange] = []
    private(set) var streams: [StreamPart] = []
    /// For each turn of the batch; nil for one that is fenced.
    private(set) var turns: [PlannedTurn?] = []

    init(_ batch: [TurnCommit], on known: [ObjectID: Basis]) {
        var draft = Draft(known: known)
        let judged = batch.map { draft.judge($0) }
        // Objects none of whose turns commit are not touched.
        let order = draft.objects.indices.filter { draft.objects[$0].turns > 0 }.sorted { draft.objects[$0].name < draft.objects[$1].name }
        let streamOrder = draft.streams.indices.sorted {
            draft.streams[$0].name.utf8.lexicographicallyPrecedes(draft.streams[$1].name.utf8)
        }
        var (objectPlaces, streamPlaces) = (
            [Int](repeating: 0, count: draft.objects.count), [Int](repeating: 0, count: draft.streams.count)
        )
        for (place, index) in order.enumerated() { objectPlaces[index] = place + 1 }
        for (place, index) in streamOrder.enumerated() { streamPlaces[index] = place + 1 }
        streams = streamOrder.map { draft.streams[$0] }
        objects = order.map { index in
            var object = draft.objects[index]
            if object.stream > 0 { object.stream = streamPlaces[object.stream - 1] }
            return object
        }
        turns = judged.map { turn in
            turn.map {
                PlannedTurn(
                    object: objectPlaces[$0.object - 1], firstRank: $0.firstRank, previousRank: $0.previousRank,
                    previousEvents: $0.previousEvents)
            }
        }
    }

    /// Objects and streams in the order in which they come, which is not yet that of their places.
    private struct Draft {
        let known: [ObjectID: Basis]
        var objects: [ObjectChange] = []
        var streams: [StreamPart] = []
        var present: [Basis] = []
        var fences: [TurnFence] = []
        var objectIndex: [ObjectID: Int] = [:]

        mutating func judge(_ turn: TurnCommit) -> PlannedTurn? {
            let index = index(of: turn)
            guard fences[index].admits(turn, on: present[index].version, present[index].ownerEpoch) else { return nil }
            present[index].version += 1
            objects[index].turns += 1
            if let state = turn.state { objects[index].state = state }
            let (previousRank, previousEvents) = (objects[index].lastRank, objects[index].events)
            guard !turn.events.isEmpty else {
                return PlannedTurn(object: index + 1, firstRank: 0, previousRank: previousRank, previousEvents: previousEvents)
            }
            let stream = objects[index].stream > 0 ? objects[index].stream - 1 : self.stream(turn.object.kind)
            let firstRank = streams[stream].events + 1
            streams[stream].events += UInt64(turn.events.count)
            objects[index].stream = stream + 1
            objects[index].events += UInt64(turn.events.count)
            objects[index].lastRank = streams[stream].events
            return PlannedTurn(object: index + 1, firstRank: firstRank, previousRank: previousRank, previousEvents: previousEvents)
        }

        private mutating func index(of turn: TurnCommit) -> Int {
            if let index = objectIndex[turn.object] { return index }
            // A version that cannot be raised is none that is stored.
            let expected = Basis(version: min(turn.expectedVersion, UInt64(Int64.max)), ownerEpoch: turn.ownerEpoch)
            let basis = known[turn.object] ?? expected
            objects.append(ObjectChange(object: turn.object, name: StoredName(turn.object), basis: basis))
            present.append(basis)
            fences.append(TurnFence())
            objectIndex[turn.object] = objects.count - 1
            return objects.count - 1
        }

        private mutating func stream(_ kind: String) -> Int {
            if let index = streams.firstIndex(where: { $0.kind.hasSameBytes(as: kind) }) { return index }
            streams.append(StreamPart(kind: kind, name: SubjectToken.encode(kind)))
            return streams.count - 1
        }
    }
}
