public import RivuletSubscriptions
import Synchronization

/// All five contracts in the memory of one process: the readable reference for other backends, and what `--store memory` runs on.
///
/// Nothing survives the process. Every call is one step under one lock, so all views agree.
public final class InMemoryBackbone: Sendable {
    struct State {
        var objects: [ObjectID: ObjectRow] = [:]
        var streams: [String: StreamLog] = [:]
        var members: [String: Member] = [:]
        var lastLease: UInt64 = 0
    }

    struct Listener {
        let node: String
        weak var batches: BoundedChannel<[UInt8]>?
    }

    struct Bells {
        var last: UInt64 = 0
        var byNumber: [UInt64: Bell] = [:]
    }

    struct Bell {
        weak var rings: BoundedChannel<Void>?
    }

    struct Listeners {
        var last: UInt64 = 0
        var byNumber: [UInt64: Listener] = [:]
    }

    let time: any TimeSource
    let state = Mutex(State())
    let listeners = Mutex(Listeners())
    let bells = Mutex(Bells())

    /// An empty backbone; leases run on the time's ``TimeSource/now``, records expire on its ``TimeSource/steadyTime``.
    public init(time: any TimeSource) {
        self.time = time
    }
}
