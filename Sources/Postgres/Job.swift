import RivuletBackbone
import Synchronization

/// A call on its way through a pool: it ends once, by being done or by giving up.
struct Job<Session>: Sendable {
    /// How an attempt went.
    enum Progress {
        /// The caller has its answer.
        case done
        /// The connection was lost; another attempt is to be made on a new one.
        case lost(StoreError)
        /// The caller has its answer, and the connection was lost.
        case broken(StoreError)
    }

    /// When it gives up, if it is not being attempted.
    let deadline: Deadline
    /// Tries on a session, on the thread that owns it.
    let attempt: @Sendable (Session) -> Progress
    /// Tells the caller that no attempt succeeded in time, and what stood in the way.
    let giveUp: @Sendable (StoreError?) -> Void
}
