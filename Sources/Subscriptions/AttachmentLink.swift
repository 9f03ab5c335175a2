import Synchronization

/// Lets a channel end the attachment that feeds it, though the attachment is made after the channel.
final class AttachmentLink: Sendable {
    private struct State {
        var attachment: Attachment?
        var cancelled = false
    }

    private let state = Mutex(State())

    func set(_ attachment: Attachment) {
        let late = state.withLock { state -> Bool in
            if !state.cancelled { state.attachment = attachment }
            return state.cancelled
        }
        if late { attachment.cancel() }
    }

    func cancel() {
        let attachment = state.withLock { state -> Attachment? in
            state.cancelled = true
            defer { state.attachment = nil }
            return state.attachment
        }
        attachment?.cancel()
    }
}
