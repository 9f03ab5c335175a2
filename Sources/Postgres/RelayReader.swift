import Logging
import RivuletBackbone
import RivuletSubscriptions
import Synchronization

/// Reads the relay's rows in order and hands them on. Lives on the listener's thread.
///
/// It listens first and looks then, and looks from time to time whether or not a bell rings. Where bells are not heard it looks often.
final class RelayReader {
    private struct Listener {
        let node: String
        let hasEnded: Flag
        weak var batches: BoundedChannel<[UInt8]>?
    }

    private final class Flag: Sendable {
        private let raised = Mutex(false)
        var isRaised: Bool { raised.withLock { $0 } }
        func raise() { raised.withLock { $0 = true } }
    }

    private struct Cursor: Equatable {
        var epoch: String
        var number: Int64
    }

    /// Whether the bell comes through, on the connection there is.
    private enum Hearing {
        case unknown(until: Deadline)
        /// How much more came without having been announced than came announced; a pooler lets some bells through, to whoever has the
        /// session then.
        case yes(missed: Int)
        case no
    }

    private static let pageSize = 256
    /// A page of at least so many bytes gets no more batches.
    private static let pageBytes = 4 << 20
    /// How often it looks although the bell is silent.
    private static let slowly = Duration.seconds(1)
    private static let kept = Duration.seconds(10)
    /// A look may come between what was sent and its bell now and then.
    private static let mostMissed = 2

    private let opening: PostgresOpening
    private let doorbell: Doorbell
    private let pipe: WakePipe
    private let onLook: () -> Void
    private let head: Statement
    private let page: Statement
    private let drop: Statement

    private var connection: ServerConnection?
    private var hearing = Hearing.no
    private var hasComplained = false
    private var listeners: [Listener] = []
    private var newcomers: [RelayListener.Newcomer] = []
    private var cursor = Cursor(epoch: "", number: 0)
    private var nextLook = Deadline(in: .zero)
    private var nextDrop = Deadline(in: .zero)

    /// - Parameter onLook: Called each time it looks.
    init(_ opening: PostgresOpening, doorbell: Doorbell, pipe: WakePipe, onLook: @escaping () -> Void) {
        self.onLook = onLook
        self.opening = opening
        self.doorbell = doorbell
        self.pipe = pipe
        let schema = opening.schema
        head = Statement("relay_head", "SELECT epoch, number FROM \(schema).relay_heads")
        page = Self.page(schema)
        drop = Statement("relay_drop", "SELECT \(schema).relay_drop($1 * interval '1 second')")
    }

    /// Does what is due, then waits for the bell, for somebody new, or for the time to look again.
    func goOn(with newcomers: [RelayListener.Newcomer]) {
        self.newcomers += newcomers
        do throws(ServerError) {
            let connection = try connected()
            let hasRung = hear(connection.takeNotifications())
            if hasRung || !self.newcomers.isEmpty || nextLook.hasPassed {
                let before = cursor
                try look(connection)
                if self.newcomers.isEmpty, cursor != before { count(hasRung) }
                onLook()
            }
            admit()
            if nextDrop.hasPassed { try dropOld(connection) }
            try connection.wait(orFor: pipe.descriptor, until: nextLook)
            pipe.drain()
        } catch {
            connection = nil
            let late = self.newcomers.filter(\.deadline.hasPassed)
            self.newcomers.removeAll(where: \.deadline.hasPassed)
            for newcomer in late { newcomer.admit(.failure(error.explained("listen to", "\(opening.configuration.url)"))) }
            pipe.wait(until: Deadline(in: .milliseconds(200)))
        }
    }

    /// Ends what is left.
    func end(with error: StoreError) {
        for newcomer in newcomers { newcomer.admit(.failure(error)) }
        for listener in listeners { listener.batches?.finish() }
        connection = nil
    }

    // MARK: Listening

    private func connected() throws(ServerError) -> ServerConnection {
        if let connection { return connection }
        let connection: ServerConnection
        do {
            connection = try opening.connect("listen to")
        } catch {
            throw ServerError(error.message, isLost: true)
        }
        if try listen(connection) {
            // Behind a pooler LISTEN may succeed, and nothing ever be heard: this must be.
            hearing = .unknown(until: Deadline(in: .seconds(3)))
            doorbell.ring()
        } else {
            giveUpHearing()
        }
        self.connection = connection
        nextLook = Deadline(in: .zero)
        return connection
    }

    /// - Returns: False when the server refuses; not all that speak PostgreSQL's protocol know how.
    private func listen(_ connection: ServerConnection) throws(ServerError) -> Bool {
        do {
            try connection.run(script: "LISTEN \"\(doorbell.channel)\"", until: Deadline(in: opening.configuration.timeout))
            return true
        } catch {
            if error.isLost { throw error }
            return false
        }
    }

    /// - Returns: Whether the bell has rung.
    private func hear(_ hasRung: Bool) -> Bool {
        guard case .unknown(let end) = hearing else { return hasRung }
        if hasRung {
            hearing = .yes(missed: 0)
        } else if end.hasPassed {
            giveUpHearing()
        }
        return hasRung
    }

    /// Something has come.
    private func count(_ wasAnnounced: Bool) {
        guard case .yes(let missed) = hearing else { return }
        if wasAnnounced {
            hearing = .yes(missed: max(0, missed - 1))
        } else if missed < Self.mostMissed {
            hearing = .yes(missed: missed + 1)
        } else {
            giveUpHearing()
        }
    }

    private func giveUpHearing() {
        hearing = .no
        nextLook = Deadline(in: .zero)
        complain()
    }

    private func complain() {
        guard !hasComplained else { return }
        hasComplained = true
        opening.logger.warning(
            "notifications do not come through, as behind a pooler of transactions: the relay looks for messages instead",
            metadata: ["store": "\(opening.configuration.url)", "every": "\(opening.configuration.relayPolling)"])
    }

    // MARK: Reading

    private func look(_ connection: ServerConnection) throws(ServerError) {
        listeners.removeAll { $0.hasEnded.isRaised || $0.batches == nil }
        if listeners.isEmpty {
            let rows = try connection.run(head, until: Deadline(in: opening.configuration.timeout))
            cursor = rows.count > 0 ? Cursor(epoch: rows.text(0, 0), number: rows.int64(0, 1)) : Cursor(epoch: "", number: 0)
        } else {
            while try readPage(connection) {}
        }
        if case .yes = hearing { nextLook = Deadline(in: Self.slowly) } else { nextLook = Deadline(in: opening.configuration.relayPolling) }
    }

    /// The batches after one of an epoch, without those that a node has sent itself; one row without a batch when there are none.
    static func page(_ schema: Schema) -> Statement {
        Statement(
            "relay_page",
            """
            SELECT h.epoch, h.number, r.number, r.sender, r.frames
            FROM \(schema).relay_heads h LEFT JOIN LATERAL (
                SELECT n.number, n.sender, n.frames
                FROM (
                    SELECT w.number, w.sender, w.frames,
                        sum(octet_length(w.frames)) OVER (ORDER BY w.number ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
                    FROM (
                        SELECT number, sender, CASE WHEN sender <> $3 THEN frames END AS frames FROM \(schema).relay_rows
                        WHERE number > CASE WHEN h.epoch = $1 THEN $2 ELSE 0 END ORDER BY number LIMIT \(pageSize)
                    ) w
                ) n
                WHERE coalesce(n.before, 0) < \(pageBytes)
            ) r ON true ORDER BY r.number
            """)
    }

    /// - Returns: Whether there are more.
    private func readPage(_ connection: ServerConnection) throws(ServerError) -> Bool {
        var parameters = Parameters()
        parameters.add(cursor.epoch)
        parameters.add(cursor.number)
        // What nobody here wants need not come.
        parameters.add(Set(listeners.map(\.node)).count == 1 ? listeners[0].node : "")
        let rows = try connection.run(page, parameters, until: Deadline(in: opening.configuration.timeout))
        guard rows.count > 0 else { return false }
        if rows.text(0, 0) != cursor.epoch { cursor = Cursor(epoch: rows.text(0, 0), number: 0) }
        if rows.isNull(0, 2) {
            if rows.int64(0, 1) > cursor.number { endBehind(at: rows.int64(0, 1)) }
            return false
        }
        for row in 0..<rows.count {
            let number = rows.int64(row, 2)
            guard number == cursor.number + 1 else {
                endBehind(at: rows.int64(0, 1))
                return false
            }
            cursor.number = number
            guard !rows.isNull(row, 4) else { continue }
            let (sender, frames) = (rows.text(row, 3), rows.blob(row, 4))
            for listener in listeners where listener.node != sender { listener.batches?.send(frames) }
        }
        return cursor.number < rows.int64(0, 1)
    }

    /// Batches were dropped before they were read.
    private func endBehind(at number: Int64) {
        let error = StoreError(.unavailable, "messages that \(opening.configuration.url) relayed were dropped before they were read")
        for listener in listeners { listener.batches?.finish(throwing: error) }
        listeners = []
        cursor.number = number
    }

    private func admit() {
        for newcomer in newcomers {
            let flag = Flag()
            let batches = BoundedChannel.relayed { flag.raise() }
            listeners.append(Listener(node: newcomer.node, hasEnded: flag, batches: batches))
            newcomer.admit(.success(batches))
        }
        newcomers = []
    }

    private func dropOld(_ connection: ServerConnection) throws(ServerError) {
        nextDrop = Deadline(in: Self.kept / 2)
        var parameters = Parameters()
        parameters.add(Self.kept.components.seconds)
        try connection.run(drop, parameters, until: Deadline(in: opening.configuration.timeout))
    }
}
