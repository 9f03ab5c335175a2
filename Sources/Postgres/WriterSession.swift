import RivuletBackbone
import RivuletSubscriptions

/// The connection that commits. It is registered under the backbone's name, and thereby shuts earlier ones out: what they sent and
/// is not committed by now never will be.
final class WriterSession {
    private let connection: ServerConnection
    private let commitStatement: Statement
    private let writer: String
    private let generation: Int64
    /// The number of the last batch that committed, on this connection or an earlier one.
    private(set) var lastBatch: Int64
    /// The numbers it got.
    private(set) var lastNumbers: CommitNumbers

    /// - Parameter generation: Higher than that of each earlier connection of the writer.
    init(
        _ connection: ServerConnection, writer: String, generation: Int64, schema: Schema, until deadline: Deadline
    ) throws(ServerError) {
        let register = Statement(
            "register",
            """
            INSERT INTO \(schema).writer_rows (name, generation) VALUES ($1, $2)
            ON CONFLICT (name) DO UPDATE SET generation = excluded.generation, seen = now()
            RETURNING batch, heads, epochs, lasts
            """)
        var parameters = Parameters()
        parameters.add(writer)
        parameters.add(generation)
        let rows = try connection.run(register, parameters, until: deadline)
        self.connection = connection
        self.writer = writer
        self.generation = generation
        commitStatement = Statement(
            "commit", "SELECT * FROM \(schema).commit_batch(\((1...26).map { "$\($0)" }.joined(separator: ", ")))")
        lastBatch = rows.int64(0, 0)
        lastNumbers = CommitNumbers(heads: rows.int64s(0, 1), epochs: rows.texts(0, 2), lasts: rows.int64s(0, 3))
    }

    /// The server's process behind the connection.
    var process: Int32 { connection.process }

    /// Commits what a plan says, under the next batch number.
    ///
    /// - Throws: ``ServerError``; if it is not lost, nothing was committed.
    func commit(
        _ plan: CommitPlan, batch: [TurnCommit], at moment: CommitMoment, until deadline: Deadline
    ) throws(ServerError) -> CommitResult {
        var parameters = Parameters()
        parameters.add(writer)
        parameters.add(generation)
        parameters.add(lastBatch + 1)
        parameters.add(moment.wall.nanoseconds)
        parameters.add(moment.steady.nanoseconds)
        parameters.add(plan, of: batch)
        let rows = try connection.run(commitStatement, parameters, until: deadline)
        if !rows.isNull(0, 0) {
            let bases = zip(rows.int64s(0, 1), rows.int64s(0, 2)).map {
                CommitPlan.Basis(version: UInt64(clamping: $0), ownerEpoch: UInt64(clamping: $1))
            }
            return .stale(zip(rows.int64s(0, 0), bases).map { (Int($0), $1) })
        }
        lastBatch += 1
        lastNumbers = CommitNumbers(heads: rows.int64s(0, 3), epochs: rows.texts(0, 4), lasts: rows.int64s(0, 5))
        return .committed(lastNumbers)
    }

    /// Takes the registration back, when the store is closed.
    func resign(_ schema: Schema, until deadline: Deadline) throws(ServerError) {
        var parameters = Parameters()
        parameters.add(writer)
        parameters.add(generation)
        let resign = Statement("resign", "DELETE FROM \(schema).writer_rows WHERE name = $1 AND generation = $2")
        try connection.run(resign, parameters, until: deadline)
    }
}

extension Parameters {
    /// The arrays of the commit function, in its order.
    fileprivate mutating func add(_ plan: CommitPlan, of batch: [TurnCommit]) {
        add(plan.streams.map(\.name))
        add(plan.streams.map { Int64(clamping: $0.events) })
        add(plan.objects.map(\.name.kind))
        add(plan.objects.map(\.name.id))
        add(plan.objects.map { Int64(clamping: $0.basis.version) })
        add(plan.objects.map { Int64(clamping: $0.basis.ownerEpoch) })
        add(plan.objects.map { Int64(clamping: $0.turns) })
        add(texts: plan.objects.map(\.state))
        add(plan.objects.map { Int32(clamping: $0.stream) })
        add(plan.objects.map { Int64(clamping: $0.events) })
        add(plan.objects.map { Int64(clamping: $0.lastRank) })
        addEvents(plan, of: batch)
        addReplies(plan, of: batch)
    }

    private mutating func addEvents(_ plan: CommitPlan, of batch: [TurnCommit]) {
        var (objects, ranks, previous, ordinals): ([Int32], [Int64], [Int64], [Int64]) = ([], [], [], [])
        var (subjects, payloads): ([String], [[UInt8]?]) = ([], [])
        for (turn, planned) in zip(batch, plan.turns) {
            guard let planned, !turn.events.isEmpty else { continue }
            let object = Int32(clamping: planned.object)
            var (rank, previousRank) = (Int64(clamping: planned.firstRank), Int64(clamping: planned.previousRank))
            var ordinal = Int64(clamping: planned.previousEvents)
            for event in turn.events {
                objects.append(object)
                ranks.append(rank)
                previous.append(previousRank)
                ordinal += 1
                ordinals.append(ordinal)
                subjects.append(event.subject.description)
                payloads.append(event.payload)
                previousRank = rank
                rank += 1
            }
        }
        add(objects)
        add(ranks)
        add(previous)
        add(ordinals)
        add(subjects)
        add(texts: payloads)
    }

    /// Of records with the same id, the last one counts.
    private mutating func addReplies(_ plan: CommitPlan, of batch: [TurnCommit]) {
        struct Key: Hashable {
            let object: Int
            let id: [UInt8]
        }
        var (objects, replies, places): ([Int32], [StoredReply], [Key: Int]) = ([], [], [:])
        for (turn, planned) in zip(batch, plan.turns) {
            guard let planned, let reply = turn.reply else { continue }
            let key = Key(object: planned.object, id: Array(reply.messageID.utf8))
            if let place = places[key] {
                replies[place] = reply
            } else {
                places[key] = replies.count
                objects.append(Int32(clamping: planned.object))
                replies.append(reply)
            }
        }
        add(objects)
        add(blobs: replies.map { Array($0.messageID.utf8) })
        add(replies.map(\.expires.nanoseconds))
        add(blobs: replies.map(\.payload))
    }
}
