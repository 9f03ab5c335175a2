/// How a game ended for a player.
public enum Outcome: String, Sendable, Hashable, Codable {
    /// Won with the first two cards.
    case blackjack
    /// Won.
    case win
    /// Neither won nor lost.
    case push
    /// Lost.
    case lose

    /// The rule: who busts loses, also when the dealer does; a blackjack beats every other hand; else the higher count wins.
    public init(player: Hand, dealer: Hand) {
        if player.isBust {
            self = .lose
        } else if player.isBlackjack || dealer.isBlackjack {
            self = player.isBlackjack ? (dealer.isBlackjack ? .push : .blackjack) : .lose
        } else if dealer.isBust || player.total > dealer.total {
            self = .win
        } else {
            self = player.total == dealer.total ? .push : .lose
        }
    }
}
