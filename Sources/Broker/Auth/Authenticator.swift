import Crypto
import RivuletSubscriptions
import RivuletWire

/// Tells who a client is and what it may do. Made anew when the settings change.
final class Authenticator: Sendable {
    /// What a client says and shows about itself.
    struct Claim: Sendable {
        var options: ConnectOptions
        /// What the server had it sign.
        var nonce: String?
        /// The names in its certificate; nil if names in certificates do not count.
        var certificateNames: [String]?
    }

    /// A user who was let in.
    struct Account: Sendable {
        /// The user's name or public key; nil where nobody has to log in.
        let name: String?
        /// What the user may do; nil for everything.
        let permissions: UserPermissions?
        /// The same, ready to be asked.
        let grant: Grant?
        /// When this ends; may have passed.
        let deadline: Timestamp?
        /// Whether it is another node of the cluster.
        let isNode: Bool

        init(name: String? = nil, permissions: UserPermissions? = nil, deadline: Timestamp? = nil, isNode: Bool = false) {
            self.name = name
            self.isNode = isNode
            self.permissions = permissions
            grant = permissions.map { Grant($0) }
            self.deadline = deadline
        }
    }

    enum Verdict: Sendable {
        case granted(Account)
        case refused
        /// The account is the client's if it knows the secret, which takes long to find out. nil if there is no such user, which is
        /// not to be told by taking less time.
        case undecided(Account?, Secret, guess: String)
    }

    /// Whether nobody needs to log in.
    let isOpen: Bool
    /// Whether clients may prove who they are by signing a nonce.
    let usesKeys: Bool
    /// What other nodes say; nil where there are none.
    private let nodeKey: Secret?
    private let token: (secret: Secret, account: Account)?
    private let byName: [String: (proof: AuthConfiguration.User.Proof, account: Account)]
    private let byKey: [UserKey: Account]
    private let anonymous: Account?
    /// Compared with where there is no such user, so that it takes as long.
    private let decoy: Secret?

    /// - Parameter configuration: nil if everybody may do everything.
    init(_ configuration: AuthConfiguration?, nodeKey: Secret?) {
        isOpen = configuration == nil
        self.nodeKey = nodeKey
        let defaults = configuration?.defaultPermissions
        // As nats-server names whoever came in with a token.
        token = configuration?.token.map { ($0, Account(name: "[REDACTED]", permissions: defaults)) }
        var byName: [String: (proof: AuthConfiguration.User.Proof, account: Account)] = [:]
        var byKey: [UserKey: Account] = [:]
        var anonymous: Account?
        var decoy: Secret?
        for user in configuration?.users ?? [] {
            let account = Account(name: user.name, permissions: user.permissions ?? defaults, deadline: user.deadline)
            if user.name == configuration?.anonymousUser { anonymous = account }
            switch user.proof {
            case .key(let key): byKey[key] = account
            case .certificate: byName[user.name] = (user.proof, account)
            case .password(let secret):
                byName[user.name] = (user.proof, account)
                if secret.isHashed { decoy = secret }
            }
        }
        self.byName = byName
        self.byKey = byKey
        self.anonymous = anonymous
        self.decoy = decoy
        usesKeys = !byKey.isEmpty
    }

    /// Whether clients may come in that say nothing of who they are.
    var admitsAnonymous: Bool { isOpen || anonymous != nil }

    /// Who the client is. Deadlines do not count here.
    ///
    /// - Parameter known: A secret that the client was found to know, if it was.
    func verdict(on claim: Claim, known: Secret?) -> Verdict {
        let options = claim.options
        if let nodeKey, options.user == NodeLogin.user {
            return compare(options.password ?? "", with: nodeKey, Account(name: NodeLogin.user, isNode: true), known: known)
        }
        if isOpen { return .granted(Account()) }
        if let names = claim.certificateNames {
            return names.lazy.compactMap { self.byName[$0] }.first.map { .granted($0.account) } ?? .refused
        }
        if usesKeys, let key = options.nkey, !key.isEmpty { return signed(by: key, claim) }
        if let name = options.user, !name.isEmpty {
            let guess = options.password ?? ""
            if let user = byName[name], case .password(let secret) = user.proof {
                return compare(guess, with: secret, user.account, known: known)
            }
            return decoy.map { .undecided(nil, $0, guess: guess) } ?? .refused
        }
        if let anonymous, options.password ?? "" == "", options.authToken ?? "" == "" { return .granted(anonymous) }
        if let guess = options.authToken, let token { return compare(guess, with: token.secret, token.account, known: known) }
        return .refused
    }

    private func signed(by text: String, _ claim: Claim) -> Verdict {
        guard let key = try? UserKey(text), let account = byKey[key], let nonce = claim.nonce,
            let signature = claim.options.signature.flatMap({ TextEncoding.base64.decode($0) }),
            let verifier = try? Curve25519.Signing.PublicKey(rawRepresentation: key.bytes),
            verifier.isValidSignature(signature, for: Array(nonce.utf8))
        else { return .refused }
        return .granted(account)
    }

    private func compare(_ guess: String, with secret: Secret, _ account: Account, known: Secret?) -> Verdict {
        if secret == known { return .granted(account) }
        if secret.isHashed { return .undecided(account, secret, guess: guess) }
        return secret.isKnown(bySaying: guess) ? .granted(account) : .refused
    }
}
