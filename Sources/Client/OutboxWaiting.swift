import DequeModule
import NIOCore
import RivuletSubscriptions
import RivuletWire
import Synchronization

extension ClientOutbox {
    /// Who waits for a PONG.
    struct Flush {
        var end: CheckedContinuation<Void, any Error>
        var confirmed: @Sendable () -> Void
    }

    /// Waits until the server has seen everything that was appended before.
    ///
    /// - Parameter confirmed: Called where the PONG is read, before what comes after it.
    /// - Throws: ``BusError``, or `CancellationError`.
    func flush(deadline: Duration, _ time: any TimeSource, confirmed: @escaping @Sendable () -> Void = {}) async throws {
        let token = nextToken()
        try await withTaskCancellationHandler {
            var alarm: ScheduledAction?
            defer { alarm?.cancel() }
            try await withCheckedThrowingContinuation { (flush: CheckedContinuation<Void, any Error>) in
                let result = state.withLock { state -> Result<(any EventLoop)?, any Error> in
                    if Task.isCancelled { return .failure(CancellationError()) }
                    if case .closed = state.phase { return .failure(BusError(.closed, "the client is closed")) }
                    state.flushes[token] = Flush(end: flush, confirmed: confirmed)
                    state.unsentPings.append(token)
                    FrameEncoder.ping(to: &state.sink)
                    return .success(Self.markDirty(&state))
                }
                switch result {
                case .success(let loop):
                    write(on: loop)
                    alarm = time.schedule(at: deadline) { [weak self] in
                        self?.endFlush(token, .failure(BusError(.timeout, "the server did not confirm the flush in time")))
                    }
                case .failure(let error): flush.resume(throwing: error)
                }
            }
        } onCancel: {
            endFlush(token, .failure(CancellationError()))
        }
    }

    /// A PONG came.
    func completePing() {
        if let token = state.withLock({ $0.sentPings.popFirst() ?? nil }) { endFlush(token, .success(())) }
    }

    private func endFlush(_ token: UInt64, _ result: Result<Void, any Error>) {
        guard let flush = state.withLock({ $0.flushes.removeValue(forKey: token) }) else { return }
        if case .success = result { flush.confirmed() }
        flush.end.resume(with: result)
    }

    /// Waits until a message may be accepted that was refused as `full`. Whether it is, is to be tried.
    func waitForRoom() async throws {
        let token = nextToken()
        await withTaskCancellationHandler {
            await withCheckedContinuation { writer in
                let mustWait = state.withLock { state -> Bool in
                    if case .closed = state.phase { return false }
                    guard state.pending >= maximumPending, !Task.isCancelled else { return false }
                    state.writers[token] = writer
                    return true
                }
                if !mustWait { writer.resume() }
            }
        } onCancel: {
            state.withLock { $0.writers.removeValue(forKey: token) }?.resume()
        }
        try Task.checkCancellation()
    }

    private func nextToken() -> UInt64 {
        state.withLock { state in
            state.lastToken += 1
            return state.lastToken
        }
    }
}
