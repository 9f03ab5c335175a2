import RivuletSubscriptions

/// A pattern as the events table can answer it: the object, if the pattern names one, is found by an index; what the pattern
/// wants beyond that is matched event by event.
struct EventFilter: Sendable {
    /// The encoded id of the only object whose events can match.
    let id: String?
    /// What must be matched besides; nil when the object, or the stream, says it all.
    let pattern: SubjectPattern?

    init(_ pattern: SubjectPattern?, stream: String) {
        guard let pattern else {
            (id, self.pattern) = (nil, nil)
            return
        }
        let tokens = pattern.tokens
        let namesID = tokens.count > 3 && tokens[2] != "*"
        id = namesID ? String(tokens[2]) : nil
        // Subjects in a stream are evt.<Kind>.<id>.<Event>. Compared by bytes, as everywhere in subjects.
        let whole = ["evt", SubjectToken.encode(stream)] + (id.map { [$0] } ?? []) + [">"]
        self.pattern = pattern.utf8.elementsEqual(whole.joined(separator: ".").utf8) ? nil : pattern
    }
}
