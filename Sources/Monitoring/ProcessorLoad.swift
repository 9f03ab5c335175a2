import RivuletSubscriptions
import Synchronization

/// How busy the process was of late, in percent of one processor.
final class ProcessorLoad: Sendable {
    private struct State {
        var time: Timestamp
        var used: Double
        var percent = 0.0
    }

    private let state: Mutex<State>

    init(since time: Timestamp) {
        state = Mutex(State(time: time, used: 0))
    }

    /// Since it was asked before, if that was at least a second ago; else what it was then.
    func percent(at now: Timestamp, _ used: Double) -> Double {
        state.withLock { state in
            let seconds = Double(now.nanoseconds - state.time.nanoseconds) / 1e9
            if seconds >= 1 {
                state = State(time: now, used: used, percent: ((used - state.used) / seconds * 1000).rounded() / 10)
            }
            return state.percent
        }
    }
}
