package import RivuletSubscriptions

/// A pattern as a table of events can answer it: the object, if the pattern names one, is found by an index; what the pattern
/// wants beyond that is matched event by event.
package struct EventFilter: Sendable {
    /// The encoded id of the only object whose events can match.
    package let id: String?
    /// What must be matched besides; nil when the object, or the stream, says it all.
    package let pattern: SubjectPattern?

    /// What a read of the stream asks for.
    package init(_ pattern: SubjectPattern?, stream: String) {
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
