/// What players may be called.
public enum PlayerName {
    /// The most characters a name may have.
    public static let maximumLength = 24

    /// Why it is not a name; nil when it is one.
    public static func problem(with name: String) -> String? {
        if name.isEmpty { return "a player needs a name" }
        // Bytes are limited too: one character can carry any number of combining marks.
        if name.count > maximumLength || name.utf8.count > 4 * maximumLength {
            return "a name has at most \(maximumLength) characters"
        }
        if name.first?.isWhitespace == true || name.last?.isWhitespace == true { return "a name neither starts nor ends with a space" }
        if name.unicodeScalars.contains(where: isInvisible) { return "a name has only visible characters" }
        return nil
    }

    /// What could move a terminal's cursor or turn its writing around; joiners within emoji are allowed.
    private static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: true
        case .format: scalar != "\u{200D}"
        default: false
        }
    }
}
