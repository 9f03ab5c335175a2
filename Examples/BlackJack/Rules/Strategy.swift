/// What a player can do when it is their turn.
public enum Move: String, Sendable, Hashable {
    /// Take another card.
    case hit
    /// Take no more.
    case stand
}

/// How to play well.
public enum Strategy {
    /// The basic strategy for a game without doubling and splitting.
    ///
    /// - Parameter dealer: The dealer's open card; nil when it is not known, which is taken for a ten.
    public static func basic(_ hand: Hand, against dealer: Card?) -> Move {
        let up = dealer.map { $0.rank == .ace ? 11 : $0.rank.points } ?? 10
        if hand.isSoft {
            return hand.total >= 19 || hand.total == 18 && up <= 8 ? .stand : .hit
        }
        switch hand.total {
        case ...11: return .hit
        case 12: return (4...6).contains(up) ? .stand : .hit
        case 13...16: return up <= 6 ? .stand : .hit
        default: return .stand
        }
    }
}
