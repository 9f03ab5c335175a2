import RivuletWire
import Synchronization

/// Decides who comes in, by the settings that hold now.
final class Gate: Sendable {
    private let current: Mutex<Authenticator>

    init(_ configuration: AuthConfiguration?) {
        current = Mutex(Authenticator(configuration))
    }

    var authenticator: Authenticator { current.withLock { $0 } }

    func change(to configuration: AuthConfiguration?) {
        let next = Authenticator(configuration)
        current.withLock { $0 = next }
    }

    /// Something new for a client to sign: 11 random bytes as text, like nats-server's.
    static func makeNonce() -> String {
        TextEncoding.base64.encode((0..<11).map { _ in UInt8.random(in: .min ... .max) })
    }
}
