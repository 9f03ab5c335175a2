import RivuletSubscriptions
import RivuletWire

/// How far one connection has got in telling who it is. Its connection's session owns it.
struct Login {
    enum Outcome {
        case granted(Authenticator.Account)
        case refused
    }

    /// Whether a secret is known, to be found out away from the event loop.
    struct Question: Sendable {
        fileprivate let authenticator: Authenticator
        fileprivate let account: Authenticator.Account?
        fileprivate let secret: Secret
        fileprivate let guess: String

        /// Takes long.
        func isKnown() -> Bool { secret.isKnown(bySaying: guess) }
    }

    /// What the client may do.
    let access: Access
    /// Who it is, since it was let in.
    private(set) var account = Authenticator.Account()
    /// What it is to sign, if it may log in that way.
    let nonce: String?
    /// Whether the client had to log in when it connected.
    let isRequired: Bool
    /// Whether it is told so. Those who are taken for somebody without a login need not know.
    let isAnnounced: Bool
    private let gate: Gate
    private var claim: Authenticator.Claim?
    private var known: Secret?
    private var question: Question?

    /// - Parameter thread: The one that receives what the client sends.
    init(_ gate: Gate, receivingThread thread: (any DeliveringThread)?) {
        self.gate = gate
        access = Access(receivingThread: thread)
        let authenticator = gate.authenticator
        isRequired = !authenticator.isOpen
        isAnnounced = !authenticator.admitsAnonymous
        nonce = authenticator.usesKeys ? Gate.makeNonce() : nil
    }

    /// The question to be answered next; once.
    mutating func takeQuestion() -> Question? {
        defer { question = nil }
        return question
    }

    /// The client says who it is, or what it said is to be judged anew; nil if a question has to be answered first.
    mutating func begin(_ options: ConnectOptions, certificateNames: [String]?) -> Outcome? {
        if claim?.options != options { known = nil }
        claim = Authenticator.Claim(options: options, nonce: nonce, certificateNames: certificateNames)
        return decide()
    }

    /// The question was answered; nil if another has to be, since the settings have changed meanwhile.
    mutating func answer(_ question: Question, isKnown: Bool) -> Outcome? {
        if isKnown, question.account != nil { known = question.secret }
        guard question.authenticator === gate.authenticator else { return decide() }
        guard isKnown, let account = question.account else { return .refused }
        return outcome(account)
    }

    private mutating func decide() -> Outcome? {
        guard let claim else { return .refused }
        let authenticator = gate.authenticator
        switch authenticator.verdict(on: claim, known: known) {
        case .granted(let account): return outcome(account)
        case .refused: return .refused
        case .undecided(let account, let secret, let guess):
            question = Question(authenticator: authenticator, account: account, secret: secret, guess: guess)
            return nil
        }
    }

    private mutating func outcome(_ account: Authenticator.Account) -> Outcome {
        self.account = account
        access.set(account.grant, isNode: account.isNode)
        return .granted(account)
    }
}
