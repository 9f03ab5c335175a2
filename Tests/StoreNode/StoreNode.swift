import Foundation
import Logging
import RivuletBackbone
import RivuletSQLite
import RivuletSubscriptions
import RivuletTesting
import StoreCalls
import Synchronization

/// `StoreNode PATH` opens a SQLite store and does what it is asked: a request a line on standard input, an answer a line on standard
/// output. It ends with its input.
@main
enum StoreNode {
    static func main() async {
        let arguments = CommandLine.arguments
        guard arguments.count == 2 else { return fail("usage: StoreNode PATH") }
        do {
            try await serve(arguments[1])
        } catch {
            fail("\(error)")
        }
    }

    private static func serve(_ path: String) async throws {
        let time = ManualTime()
        let store = try await SQLiteBackbone.open(
            SQLiteConfiguration(path: path, lockTimeout: .seconds(30)), time: time,
            clock: HostClock(boot: "today") { Int64(time.now / .nanoseconds(1)) },
            logger: Logger(label: "node") { _ in SwiftLogNoOpLogHandler() })
        let node = StoreServer(store)
        await withDiscardingTaskGroup { group in
            for await line in lines() {
                guard let request = try? JSONDecoder().decode(StoreRequest.self, from: line) else { return fail("malformed request") }
                time.advance(by: request.now - time.now)
                if time.wallTime != request.wallTime { time.jumpWall(to: request.wallTime) }
                group.addTask { await node.answer(request) }
            }
            group.cancelAll()
        }
        try await store.close()
    }

    private static func lines() -> AsyncStream<Data> {
        let (lines, read) = AsyncStream.makeStream(of: Data.self)
        Thread.detachNewThread {
            while let line = readLine() { read.yield(Data(line.utf8)) }
            read.finish()
        }
        return lines
    }

    private static func fail(_ text: String) {
        try? FileHandle.standardError.write(contentsOf: Data("\(text)\n".utf8))
        exit(1)
    }
}

/// Does what is asked of a store.
private final class StoreServer: Sendable {
    private let store: SQLiteBackbone
    private let output = Mutex(FileHandle.standardOutput)
    private let channels = Mutex<[Int: @Sendable () -> Void]>([:])

    init(_ store: SQLiteBackbone) {
        self.store = store
    }

    func answer(_ request: StoreRequest) async {
        do {
            say(StoreAnswer(number: request.number, value: try await perform(request)))
        } catch {
            say(StoreAnswer(number: request.number, error: error as? StoreError ?? StoreError(.unavailable, "\(error)")))
        }
    }

    private func perform(_ request: StoreRequest) async throws -> Data {
        switch request.call {
        case .load(let object): try encode(try await store.load(object))
        case .commit(let batch): try encode(try await store.commit(batch))
        case .open(let stream): try encode(try await store.open(stream))
        case .state(let stream): try encode(try await store.state(of: stream))
        case .read(let read): try encode(try await store.read(read))
        case .heads: try encode(try await store.heads())
        case .doorbell: try await pass(try await store.doorbell(), as: request.number) { _ in Data() }
        case .join(let node, let timeToLive): try encode(try await store.join(node, timeToLive: timeToLive))
        case .renew(let lease, let status): try encode(try await store.renew(lease, status: status))
        case .leave(let lease): try encode(try await store.leave(lease))
        case .members: try encode(try await store.members())
        case .claim(let object, let lease): try encode(try await store.claim(object, for: lease))
        case .claimForNode(let object, let node): try encode(try await store.claim(object, for: node))
        case .owner(let object): try encode(try await store.owner(of: object))
        case .release(let object, let ownership): try encode(try await store.release(object, ownership))
        case .send(let frames, let node): try encode(try await store.send(Array(frames), from: node))
        case .batches(let node): try await pass(try await store.batches(for: node), as: request.number) { Data($0) }
        case .end(let number): try encode(channels.withLock { $0.removeValue(forKey: number) }?())
        }
    }

    /// Says at once that it is open, and then whatever comes.
    private func pass<Element>(_ channel: BoundedChannel<Element>, as number: Int, _ data: (Element) -> Data) async throws -> Data {
        channels.withLock { $0[number] = { channel.finish() } }
        say(StoreAnswer(number: number))
        for try await element in channel { say(StoreAnswer(number: number, value: data(element))) }
        throw StoreError(.closed, "it was ended")
    }

    private func encode(_ nothing: Void?) throws -> Data { Data() }

    private func encode(_ value: some Encodable) throws -> Data { try JSONEncoder().encode([value]) }

    private func say(_ answer: StoreAnswer) {
        guard var line = try? JSONEncoder().encode(answer) else { return }
        line.append(UInt8(ascii: "\n"))
        output.withLock { try? $0.write(contentsOf: line) }
    }
}
