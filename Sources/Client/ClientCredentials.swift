import Crypto
public import RivuletWire

/// How a client proves who it is.
public struct ClientCredentials: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private enum Kind: Sendable, Hashable {
        case user(String, password: String)
        case token(String)
        case key(UserSeed)
    }

    private let kind: Kind

    /// By name and password.
    public static func user(_ name: String, password: String) -> ClientCredentials {
        ClientCredentials(kind: .user(name, password: password))
    }

    /// By a token.
    public static func token(_ token: String) -> ClientCredentials {
        ClientCredentials(kind: .token(token))
    }

    /// By a key: the client signs what the server asks it to, and never sends the seed.
    public static func key(_ seed: UserSeed) -> ClientCredentials {
        ClientCredentials(kind: .key(seed))
    }

    /// Says so in CONNECT.
    func apply(to options: inout ConnectOptions, nonce: String?) {
        switch kind {
        case .user(let name, let password):
            options.user = name
            options.password = password
        case .token(let token): options.authToken = token
        case .key(let seed):
            // Every 32 bytes are a key, and signing fails for none; if either did, the server would refuse what is missing.
            guard let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: seed.bytes) else { return }
            options.nkey = (try? UserKey(bytes: Array(key.publicKey.rawRepresentation)))?.description
            if let nonce, let signature = try? key.signature(for: Array(nonce.utf8)) {
                options.signature = TextEncoding.base64.encode(signature)
            }
        }
    }

    /// Says nothing.
    public var description: String { "credentials" }

    /// Says nothing.
    public var debugDescription: String { description }

    /// Shows nothing.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}
