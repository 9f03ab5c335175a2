/// What a published subject is made of, seen without making it text. Like nats-server, a broker takes what clients send it: subjects
/// that no program of ours would write travel from connection to connection as the bytes they are.
enum SubjectForm {
    /// What ``RivuletSubscriptions/Subject`` can be.
    case proper
    /// Holds control characters, or bytes that are not UTF-8: for connections only.
    case unprintable
    /// A token is `*` or `>`, which stands for nothing but itself in a published subject: for connections only.
    case wild
    /// A token is empty: nobody is subscribed to that.
    case broken
    /// Has more tokens than are allowed.
    case long

    init(_ subject: some Collection<UInt8>, maximumTokens: Int) {
        var tokens = 1
        var length = 0
        var hasWildcard = false
        var isWild = false
        var isPrintable = true
        var isASCII = true
        var isBroken = false
        func endToken() {
            if length == 0 { isBroken = true }
            if length == 1, hasWildcard { isWild = true }
        }
        for byte in subject {
            // First what most of a subject is made of, of which there is no more to see.
            if (0x2f..<0x7f).contains(byte), byte != UInt8(ascii: ">") {
                length += 1
                continue
            }
            if byte == UInt8(ascii: ".") {
                endToken()
                tokens += 1
                length = 0
                hasWildcard = false
                continue
            }
            if byte <= 0x20 || byte == 0x7f { isPrintable = false }
            if byte >= 0x80 { isASCII = false }
            if byte == UInt8(ascii: "*") || byte == UInt8(ascii: ">") { hasWildcard = true }
            length += 1
        }
        endToken()
        if isBroken {
            self = .broken
        } else if tokens > maximumTokens {
            self = .long
        } else if isWild {
            self = .wild
        } else if !isPrintable || !isASCII && String(validating: subject, as: UTF8.self) == nil {
            self = .unprintable
        } else {
            self = .proper
        }
    }

    /// Whether a client that wants to be told of wrong subjects is to be told of this one.
    var isWrong: Bool { self == .wild || self == .broken }
}
