import CLibpq
import Foundation

/// One call of the commit function after the other through libpq, on a schema that is there. The arrays travel as text.
final class PostgresLoop {
    private let handle: OpaquePointer
    private let names: [String]
    private let state: String
    private let payload = PostgresLoop.quoted(String(decoding: TurnSource.event, as: UTF8.self))
    private var versions: [Int]
    private var position = 0
    private var batches = 0

    init(url: String, objects: Int, eventsOnly: Bool) throws(LoopError) {
        guard let handle = PQconnectdb(url), PQstatus(handle) == CONNECTION_OK else { throw LoopError("cannot connect") }
        self.handle = handle
        names = (0..<objects).map { TurnSource.id($0, of: objects) }
        versions = [Int](repeating: 0, count: objects)
        state = eventsOnly ? "NULL" : Self.quoted(String(decoding: TurnSource.state, as: UTF8.self))
        let writer = PQexec(handle, "INSERT INTO rivulet.writer_rows (name, generation) VALUES ('bare loop', 1)")
        defer { PQclear(writer) }
        guard PQresultStatus(writer) == PGRES_COMMAND_OK else { throw error() }
        let places = (1...26).map { "$\($0)" }.joined(separator: ", ")
        let prepared = PQprepare(handle, "commit", "SELECT * FROM rivulet.commit_batch(\(places))", 0, nil)
        defer { PQclear(prepared) }
        guard PQresultStatus(prepared) == PGRES_COMMAND_OK else { throw error() }
    }

    deinit { PQfinish(handle) }

    func commit(_ count: Int) throws(LoopError) {
        batches += 1
        // As the store does, objects are given in the order of their names, and one with several turns once.
        var turns: [Int: Int] = [:]
        var order: [Int] = []
        for _ in 0..<count {
            turns[position, default: 0] += 1
            order.append(position)
            position = position + 1 == names.count ? 0 : position + 1
        }
        let objects = turns.keys.sorted()
        let places = Dictionary(uniqueKeysWithValues: objects.enumerated().map { ($1, $0 + 1) })
        var last: [Int: Int] = [:]
        var (previous, ordinals): ([Int], [Int]) = ([], [])
        var published: [Int: Int] = [:]
        for (rank, object) in order.enumerated() {
            previous.append(last[object] ?? 0)
            last[object] = rank + 1
            published[object, default: 0] += 1
            ordinals.append(published[object] ?? 0)
        }
        try call([
            "bare loop", "1", "\(batches)", "1700000000000000000", "0",
            "{\(TurnSource.kind)}", "{\(count)}",
            list(objects) { _ in TurnSource.kind }, list(objects) { self.names[$0] }, list(objects) { "\(self.versions[$0])" },
            list(objects) { _ in "0" }, list(objects) { "\(turns[$0] ?? 0)" }, list(objects) { _ in self.state },
            list(objects) { _ in "1" }, list(objects) { "\(turns[$0] ?? 0)" }, list(objects) { "\(last[$0] ?? 0)" },
            list(order) { "\(places[$0] ?? 0)" }, list(Array(1...count)) { "\($0)" }, list(previous) { "\($0)" },
            list(ordinals) { "\($0)" },
            list(order) { "evt.\(TurnSource.kind).\(self.names[$0]).Deposited" }, list(order) { _ in self.payload },
            "{}", "{}", "{}", "{}",
        ])
        for (object, count) in turns { versions[object] += count }
    }

    private func call(_ values: [String]) throws(LoopError) {
        let texts = values.map { strdup($0) }
        defer { for text in texts { free(text) } }
        let result = PQexecPrepared(handle, "commit", Int32(texts.count), texts.map { UnsafePointer($0) }, nil, nil, 0)
        defer { PQclear(result) }
        guard PQresultStatus(result) == PGRES_TUPLES_OK else { throw error() }
        guard PQgetisnull(result, 0, 0) == 1 else { throw LoopError("the store holds other turns already; give it a new one") }
    }

    private func list<Element>(_ elements: [Element], _ text: (Element) -> String) -> String {
        "{" + elements.map(text).joined(separator: ",") + "}"
    }

    private func error() -> LoopError {
        LoopError(PQerrorMessage(handle).map { String(cString: $0) } ?? "PostgreSQL failed")
    }

    private static func quoted(_ json: String) -> String {
        "\"" + json.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\\\"") + "\""
    }
}
