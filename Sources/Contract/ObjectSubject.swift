/// The subjects that objects are called on and that they publish on.
public enum ObjectSubject {
    /// `obj.<Kind>.<id>.<Message>`.
    public static func call(_ object: ObjectID, message: String) throws(SubjectError) -> Subject {
        try make("obj.", object, message)
    }

    /// `evt.<Kind>.<id>.<Event>`.
    public static func event(_ object: ObjectID, name: String) throws(SubjectError) -> Subject {
        try make("evt.", object, name)
    }

    /// All events of a kind, or of one of its objects: `evt.<Kind>.>` or `evt.<Kind>.<id>.>`.
    public static func events(kind: String, id: String? = nil) throws(SubjectError) -> SubjectPattern {
        let tokens = ["evt", SubjectToken.encode(kind)] + (id.map { [SubjectToken.encode($0)] } ?? [])
        return try SubjectPattern(tokens.joined(separator: ".") + ".>")
    }

    private static func make(_ start: String, _ object: ObjectID, _ name: String) throws(SubjectError) -> Subject {
        var subject = start
        subject.reserveCapacity(start.utf8.count + object.kind.utf8.count + object.id.utf8.count + name.utf8.count + 2)
        subject += SubjectToken.encode(object.kind)
        subject += "."
        subject += SubjectToken.encode(object.id)
        subject += "."
        subject += SubjectToken.encode(name)
        return try Subject(subject)
    }

    /// What a call or event subject names.
    ///
    /// - Throws: ``CallError`` 400 with the reason, for a subject that does not have four valid tokens.
    public static func parse(_ subject: Subject) throws(CallError) -> (object: ObjectID, name: String) {
        if let plain = plainParts(subject) { return plain }
        let tokens = subject.tokens
        guard tokens.count == 4 else {
            let rule =
                "\(tokens.first ?? "").<Kind>.<id>.<name> has four tokens, this has \(tokens.count); dots inside a token are written %2E"
            throw CallError(.undecodable, rule)
        }
        var parts: [String] = []
        for token in tokens.dropFirst() {
            guard let part = SubjectToken.decode(token) else {
                throw CallError(
                    .undecodable, "\"\(token)\" is not a valid token; write it percent-encoded, as \(SubjectToken.encode(String(token)))")
            }
            parts.append(part)
        }
        return (ObjectID(kind: parts[0], id: parts[1]), parts[2])
    }

    /// The parts of a subject of four tokens in which nothing is encoded, as in nearly every call; in one pass.
    private static func plainParts(_ subject: Subject) -> (object: ObjectID, name: String)? {
        subject.utf8.withContiguousStorageIfAvailable { bytes -> (object: ObjectID, name: String)? in
            var dots = (0, 0, 0)
            var count = 0
            for index in bytes.indices where SubjectToken.mustEncode(bytes[index]) {
                guard bytes[index] == UInt8(ascii: ".") else { return nil }
                dots = (dots.1, dots.2, index)
                count += 1
            }
            let (first, second, third) = dots
            guard count == 3, first + 1 < second, second + 1 < third, third + 1 < bytes.count else { return nil }
            let part = { (range: Range<Int>) in String(decoding: bytes[range], as: UTF8.self) }
            return (ObjectID(kind: part(first + 1..<second), id: part(second + 1..<third)), part(third + 1..<bytes.count))
        } ?? nil
    }
}
