/// Subjects as bytes of the wire, checked without making them text. Bytes that are not UTF-8 may pass, as in nats-server.
enum SubjectBytes {
    /// Whether a message may be published to this subject: no empty token, no token that is a wildcard, no white space or control
    /// characters, and not too many tokens.
    static func isPublishable(_ subject: some Collection<UInt8>, maximumTokens: Int) -> Bool {
        var tokens = 1
        var length = 0
        var last: UInt8 = 0
        for byte in subject {
            if byte == UInt8(ascii: ".") {
                guard isToken(length: length, last: last) else { return false }
                tokens += 1
                length = 0
            } else {
                guard byte > 0x20, byte != 0x7f else { return false }
                length += 1
                last = byte
            }
        }
        return isToken(length: length, last: last) && tokens <= maximumTokens
    }

    private static func isToken(length: Int, last: UInt8) -> Bool {
        length > 1 || (length == 1 && last != UInt8(ascii: "*") && last != UInt8(ascii: ">"))
    }
}
