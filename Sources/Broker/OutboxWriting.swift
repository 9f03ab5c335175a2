import NIOCore
import RivuletSockets
import RivuletWire
import Synchronization

extension Outbox {
    /// Writes what is queued: at once on the connection's event loop, from elsewhere by one hop.
    func flush() {
        if channel.eventLoop.inEventLoop {
            write()
        } else {
            flushLater()
        }
    }

    /// Writes what is queued once the event loop is done with what it does now.
    func flushLater() {
        channel.eventLoop.execute { self.write() }
    }

    /// Accepts nothing more; what is queued is still written, then the error, then the end of the stream.
    ///
    /// - Returns: Whether the caller has to flush.
    func finish(with error: WireError?) -> Bool {
        state.withLock { state in
            guard state.phase != .closed else { return false }
            state.phase = .finishing
            state.farewell = error
            if let error {
                var frame: [UInt8] = []
                FrameEncoder.error(error, to: &frame)
                state.queue.append(frame)
            }
            defer { state.isDirty = true }
            return !state.isDirty
        }
    }

    /// Drops everything; the connection is gone.
    func close() {
        state.withLock { state in
            state.phase = .closed
            state.queue.removeAll()
            state.writing = []
        }
    }

    private enum Step {
        case write([ByteBuffer])
        case finish(WireError?)
        case wait
    }

    private func write() {
        while true {
            switch state.withLock({ nextStep(&$0) }) {
            case .wait: return
            // After the last byte the client sees the end of the stream; what it still sends is read and dropped until it closes too.
            case .finish(let error):
                channel.triggerUserOutboundEvent(ConnectionFarewell(error: error), promise: nil)
                channel.close(mode: .output, promise: nil)
                return
            case .write(let chunks):
                guard let socket = directSocket, channel.isActive else { return write(chunks[...]) }
                let rest = socket.write(chunks)
                guard rest.isEmpty else { return write(rest) }
                if wroteAll() { return }
            }
        }
    }

    /// The connection's socket, if the pipeline need not see what is written. Looked up once, on the event loop.
    private var directSocket: DirectSocket? {
        guard writesDirectly else { return nil }
        return state.withLock { state in
            if state.socket == nil { state.socket = DirectSocket(channel) }
            return state.socket
        }
    }

    /// Lets the channel write, which waits until the system takes everything.
    private func write(_ chunks: ArraySlice<ByteBuffer>) {
        guard let last = chunks.last else { return }
        for chunk in chunks.dropLast() { channel.write(chunk, promise: nil) }
        let promise = channel.eventLoop.makePromise(of: Void.self)
        promise.futureResult.whenComplete { result in self.wrote(result) }
        channel.writeAndFlush(last, promise: promise)
        watch()
    }

    private func nextStep(_ state: inout State) -> Step {
        state.isDirty = false
        guard state.inFlight == 0, state.phase != .closed else { return .wait }
        guard state.queue.count > 0 else {
            guard state.phase == .finishing else { return .wait }
            state.phase = .closed
            return .finish(state.farewell)
        }
        let before = state.queue.count
        let chunks = state.queue.take(limit: configuration.writeSize)
        state.inFlight = before - state.queue.count
        state.writing = chunks
        state.writeNumber &+= 1
        state.writeBegan = channel.eventLoop.now
        return .write(chunks)
    }

    private func wrote(_ result: Result<Void, any Error>) {
        guard case .success = result else { return close() }
        if !wroteAll() { write() }
    }

    /// Whether there is nothing more to do.
    private func wroteAll() -> Bool {
        state.withLock { state in
            state.inFlight = 0
            state.queue.recycle(state.writing)
            state.writing = []
            return state.queue.count == 0 && state.phase == .open
        }
    }

    /// Sees to it that a write which stays under way is noticed when its deadline has passed.
    private func watch() {
        let write = state.withLock { state -> (number: UInt64, began: NIODeadline)? in
            guard state.phase == .open, state.inFlight > 0, !state.isWatched else { return nil }
            state.isWatched = true
            return (state.writeNumber, state.writeBegan)
        }
        guard let write else { return }
        let deadline = write.began + TimeAmount(configuration.writeDeadline)
        LoopTimers.of(channel.eventLoop).schedule(at: deadline) { self.checkDeadline(of: write.number) }
    }

    private func checkDeadline(of number: UInt64) {
        state.withLock { state in
            state.isWatched = false
            guard state.phase == .open, state.inFlight > 0, state.writeNumber == number else { return }
            cut(&state)
        }
        watch()
    }
}
