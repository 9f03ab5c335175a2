import Logging
import RivuletBackbone
import RivuletSQLite
import RivuletSubscriptions

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// `StoreWriter PATH NAME TURNS` joins the nodes of a SQLite store, claims the object `Player/NAME` and commits its turns, one after the
/// other. Each one that is acknowledged gets a line: the number of its first event and how many it has.
@main
enum StoreWriter {
    static func main() async {
        let arguments = CommandLine.arguments
        guard arguments.count == 4, let turns = UInt64(arguments[3]) else { return fail("usage: StoreWriter PATH NAME TURNS") }
        do {
            try await commit(turns, to: arguments[1], as: arguments[2])
        } catch {
            fail("\(arguments[2]): \(error)")
        }
    }

    private static func commit(_ turns: UInt64, to path: String, as name: String) async throws {
        let logger = Logger(label: name) { _ in SwiftLogNoOpLogHandler() }
        let store = try await SQLiteBackbone.open(SQLiteConfiguration(path: path, lockTimeout: .seconds(60)), logger: logger)
        try await store.open("Player")
        let lease = try await store.join(NodeDescription(name: name, address: "\(name):4222"), timeToLive: .seconds(60))
        let object = ObjectID(kind: "Player", id: name)
        let ownership = try await store.claim(object, for: lease)
        for version in 0..<turns {
            let events = try (0...version % 3).map { number in
                NewEvent(subject: try Subject("evt.Player.\(name).Won"), payload: Array("\(version * 10 + number)".utf8))
            }
            let turn = TurnCommit(
                object: object, ownerEpoch: ownership.epoch, expectedVersion: version, state: Array("\(version)".utf8), events: events)
            guard case .committed(let receipt)? = try await store.commit([turn]).first else { return fail("\(name) was fenced") }
            say("\(receipt.firstSequence) \(events.count)", to: STDOUT_FILENO)
        }
        try await store.leave(lease)
        try await store.close()
    }

    private static func fail(_ text: String) {
        say(text, to: STDERR_FILENO)
        exit(1)
    }

    /// At once, so that nothing acknowledged is unsaid when the process is killed.
    private static func say(_ line: String, to descriptor: CInt) {
        let bytes = Array("\(line)\n".utf8)
        _ = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    }
}
