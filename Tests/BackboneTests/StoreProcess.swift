import Foundation
import RivuletBackbone
import RivuletSubscriptions
import RivuletTesting
import StoreCalls
import Synchronization
import TestSupport

/// A SQLite store that a process of its own has open, StoreNode, as if it were open here.
final class StoreProcess: Membership, Directory, ObjectStore, EventLog, Relay {
    private struct State {
        var next = 0
        var calls: [Int: CheckedContinuation<StoreAnswer, Never>] = [:]
        /// What gets the lines after the first.
        var streams: [Int: @Sendable (StoreAnswer) -> Void] = [:]
    }

    private let time: ManualTime
    private let process: Process
    private let input: Mutex<FileHandle>
    private let exited: AsyncStream<Void>
    private let state = Mutex(State())

    init(path: String, time: ManualTime) throws {
        let (exited, exit) = AsyncStream.makeStream(of: Void.self)
        let (process, (input, output)) = try Process.start { process in
            process.executableURL = URL(fileURLWithPath: try Programs.find("StoreNode"))
            process.arguments = [path]
            process.terminationHandler = { _ in exit.finish() }
            let (input, output) = (Pipe(), Pipe())
            process.standardInput = input
            process.standardOutput = output
            return (input, output)
        }
        (self.time, self.process, self.exited) = (time, process, exited)
        self.input = Mutex(input.fileHandleForWriting)
        let handle = output.fileHandleForReading
        Thread.detachNewThread { [weak self] in
            var text = Data()
            while case let data = handle.availableData, !data.isEmpty {
                text += data
                while let end = text.firstIndex(of: UInt8(ascii: "\n")) {
                    if let answer = try? JSONDecoder().decode(StoreAnswer.self, from: text[..<end]) { self?.take(answer) }
                    text = Data(text[text.index(after: end)...])
                }
            }
            self?.end()
        }
    }

    deinit {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    }

    /// Has the process close the store and end.
    func close() async throws {
        try input.withLock { try $0.close() }
        for await _ in exited {}
    }

    // MARK: Calls

    private func call<Value: Decodable>(_ call: StoreCall) async throws(StoreError) -> Value {
        let answer = try await ask(call)
        do {
            guard let value = try JSONDecoder().decode([Value].self, from: answer.value).first else { throw CocoaError(.coderInvalidValue) }
            return value
        } catch {
            throw StoreError(.unavailable, "the process answered something else: \(error)")
        }
    }

    private func channel<Element>(
        _ call: StoreCall, _ element: @escaping @Sendable (Data) -> Element
    ) async throws(StoreError) -> BoundedChannel<Element> {
        let number = reserve()
        let channel = BoundedChannel<Element>(capacity: 4096, whenFull: .fail) { [weak self] in
            guard let self else { return }
            write(.end(number), as: reserve())
        }
        state.withLock {
            $0.streams[number] = { answer in
                if let error = answer.error { channel.finish(throwing: error) } else { channel.send(element(answer.value)) }
            }
        }
        _ = try await ask(call, as: number)
        return channel
    }

    private func ask(_ call: StoreCall, as number: Int? = nil) async throws(StoreError) -> StoreAnswer {
        let number = number ?? reserve()
        let answer = await withCheckedContinuation { continuation in
            state.withLock { $0.calls[number] = continuation }
            write(call, as: number)
        }
        if let error = answer.error { throw error }
        return answer
    }

    private func reserve() -> Int {
        state.withLock { state in
            state.next += 1
            return state.next
        }
    }

    private func write(_ call: StoreCall, as number: Int) {
        // In the order of the times that they say.
        let isWritten = input.withLock { input in
            let request = StoreRequest(number: number, now: time.now, wallTime: time.wallTime, call: call)
            guard var line = try? JSONEncoder().encode(request) else { return false }
            line.append(UInt8(ascii: "\n"))
            return (try? input.write(contentsOf: line)) != nil
        }
        if !isWritten { take(StoreAnswer(number: number, error: Self.gone)) }
    }

    private func take(_ answer: StoreAnswer) {
        let (call, stream) = state.withLock { ($0.calls.removeValue(forKey: answer.number), $0.streams[answer.number]) }
        if let call { call.resume(returning: answer) } else { stream?(answer) }
    }

    private func end() {
        let numbers = state.withLock { state in Set(state.calls.keys).union(state.streams.keys) }
        for number in numbers { take(StoreAnswer(number: number, error: Self.gone)) }
    }

    private static let gone = StoreError(.closed, "the process has ended")

    // MARK: Contracts

    func load(_ object: ObjectID) async throws(StoreError) -> StoredObject { try await call(.load(object)) }

    func commit(_ batch: [TurnCommit]) async throws(StoreError) -> [TurnOutcome] { try await call(.commit(batch)) }

    @discardableResult
    func open(_ stream: String) async throws(StoreError) -> StreamState { try await call(.open(stream)) }

    func state(of stream: String) async throws(StoreError) -> StreamState? { try await call(.state(stream)) }

    func read(_ request: EventRead) async throws(StoreError) -> EventPage { try await call(.read(request)) }

    func heads() async throws(StoreError) -> [String: UInt64] { try await call(.heads) }

    func doorbell() async throws(StoreError) -> BoundedChannel<Void> { try await channel(.doorbell) { _ in } }

    func join(_ node: NodeDescription, timeToLive: Duration) async throws(StoreError) -> NodeLease {
        try await call(.join(node, timeToLive: timeToLive))
    }

    func renew(_ lease: NodeLease, status: NodeStatus) async throws(StoreError) -> Bool { try await call(.renew(lease, status)) }

    func leave(_ lease: NodeLease) async throws(StoreError) { _ = try await ask(.leave(lease)) }

    func members() async throws(StoreError) -> [ClusterMember] { try await call(.members) }

    func claim(_ object: ObjectID, for lease: NodeLease) async throws(StoreError) -> Ownership { try await call(.claim(object, lease)) }

    func claim(_ object: ObjectID, for node: String) async throws(StoreError) -> Ownership? {
        try await call(.claimForNode(object, node))
    }

    func owner(of object: ObjectID) async throws(StoreError) -> Ownership? { try await call(.owner(object)) }

    func release(_ object: ObjectID, _ ownership: Ownership) async throws(StoreError) { _ = try await ask(.release(object, ownership)) }

    func send(_ frames: [UInt8], from node: String) async throws(StoreError) { _ = try await ask(.send(Data(frames), node)) }

    func batches(for node: String) async throws(StoreError) -> BoundedChannel<[UInt8]> { try await channel(.batches(node)) { Array($0) } }
}
