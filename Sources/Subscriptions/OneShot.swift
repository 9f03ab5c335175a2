import Synchronization

/// An action that runs at most once, whoever asks first.
final class OneShot: Sendable {
    private let action: Mutex<(@Sendable () -> Void)?>

    init(_ action: @escaping @Sendable () -> Void) {
        self.action = Mutex(action)
    }

    func fire() {
        let taken = action.withLock { held in
            defer { held = nil }
            return held
        }
        taken?()
    }
}
