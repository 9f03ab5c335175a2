import Foundation
import RivuletBackbone
import RivuletSubscriptions
import Synchronization

/// Who listens to the relay or for the bell, and the thread that reads for them; it starts with the first one.
final class RelayListener: Sendable {
    /// Somebody who wants to listen, until the thread has taken note.
    struct Newcomer: Sendable {
        let node: String
        let deadline: Deadline
        let admit: @Sendable (Result<BoundedChannel<[UInt8]>, StoreError>) -> Void
    }

    private struct State {
        var newcomers: [Newcomer] = []
        var ears: [UInt64: Ear] = [:]
        var lastEar: UInt64 = 0
        var isOpen = true
        var isRunning = false
        var ended: [CheckedContinuation<Void, Never>] = []
    }

    private struct Ear {
        weak var rings: BoundedChannel<Void>?
    }

    private let state = Mutex(State())
    private let pipe = WakePipe()
    private let opening: PostgresOpening
    private let doorbell: Doorbell

    init(_ opening: PostgresOpening, doorbell: Doorbell) {
        self.opening = opening
        self.doorbell = doorbell
    }

    /// The batches of other nodes from the moment that this returns.
    func add(_ node: String) async throws(StoreError) -> BoundedChannel<[UInt8]> {
        try await withCheckedContinuation { (continuation: CheckedContinuation<Result<BoundedChannel<[UInt8]>, StoreError>, Never>) in
            let newcomer = Newcomer(node: node, deadline: Deadline(in: opening.configuration.timeout)) {
                continuation.resume(returning: $0)
            }
            let isOpen = state.withLock { state in
                guard state.isOpen else { return false }
                state.newcomers.append(newcomer)
                if !state.isRunning { start(&state) }
                return true
            }
            if isOpen { pipe.wake() } else { newcomer.admit(.failure(Self.closed(opening))) }
        }.get()
    }

    /// Rings from now on: with ``ring()``, and each time the thread looks, which is when the bell is heard and from time to time.
    func addEar() throws(StoreError) -> BoundedChannel<Void> {
        let number = state.withLock { state in
            state.lastEar += 1
            return state.lastEar
        }
        let rings = BoundedChannel<Void>(capacity: 1, whenFull: .dropNewest) { [weak self] in
            _ = self?.state.withLock { $0.ears.removeValue(forKey: number) }
        }
        let isOpen = state.withLock { state in
            guard state.isOpen else { return false }
            state.ears[number] = Ear(rings: rings)
            if !state.isRunning { start(&state) }
            return true
        }
        guard isOpen else { throw Self.closed(opening) }
        return rings
    }

    /// Lets those who listen for the bell hear it.
    func ring() {
        for ear in state.withLock({ Array($0.ears.values) }) { ear.rings?.send(()) }
    }

    /// Has all sequences end, the thread and its connection.
    func shut() {
        state.withLock { $0.isOpen = false }
        pipe.wake()
    }

    /// Shuts, and waits until that is over.
    func close() async {
        shut()
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if state.isRunning { state.ended.append(continuation) }
                return !state.isRunning
            }
            if isOver { continuation.resume() }
        }
    }

    private func start(_ state: inout State) {
        state.isRunning = true
        let thread = Thread { self.run() }
        thread.name = "rivulet.postgres.relay"
        thread.start()
    }

    private func run() {
        let reader = RelayReader(opening, doorbell: doorbell, pipe: pipe) { self.ring() }
        while let newcomers = takeNewcomers() {
            reader.goOn(with: newcomers)
        }
        reader.end(with: Self.closed(opening))
        for ear in state.withLock({ Array($0.ears.values) }) { ear.rings?.finish() }
        let ended = state.withLock { state in
            state.isRunning = false
            defer { state.ended = [] }
            return state.ended
        }
        for continuation in ended { continuation.resume() }
    }

    private func takeNewcomers() -> [Newcomer]? {
        state.withLock { state in
            guard state.isOpen || !state.newcomers.isEmpty else { return nil }
            defer { state.newcomers = [] }
            return state.newcomers
        }
    }

    private static func closed(_ opening: PostgresOpening) -> StoreError {
        StoreError(.closed, "cannot listen to \(opening.configuration.url): the store was closed")
    }
}
