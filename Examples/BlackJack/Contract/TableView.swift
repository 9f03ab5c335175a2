import BlackJackRules
public import RivuletContract

/// Draws a table as text, as one player or a watcher sees it.
public struct TableView: Sendable {
    /// How text is marked.
    public enum Style: Sendable, Hashable {
        /// Not at all.
        case plain
        /// With colours, for terminals.
        case coloured
    }

    /// The player who looks at it; nil for a watcher.
    public var player: String?
    /// How text is marked.
    public var style: Style

    /// A view.
    public init(player: String? = nil, style: Style = .plain) {
        self.player = player
        self.style = style
    }

    /// The table, a line for the dealer and for each player.
    ///
    /// - Parameter now: Shows how long the turn still lasts, seen from this moment; nil to leave it out.
    public func lines(_ table: TableSnapshot, now: Timestamp? = nil) -> [String] {
        let names = table.seats.map(\.player)
        let nameWidth = max(6, names.map(Self.width).max() ?? 0)
        let hands = [width(table.dealer)] + table.seats.map { Self.width($0.hand.description) }
        let handWidth = max(12, hands.max() ?? 0)
        func line(_ place: String, _ name: String, _ hand: String, handColumns: Int, _ total: Int, _ note: String) -> String {
            let padding = String(repeating: " ", count: nameWidth - Self.width(name))
            let gap = String(repeating: " ", count: handWidth - handColumns)
            let count = total > 0 ? String(repeating: " ", count: total < 10 ? 1 : 0) + String(total) : "  "
            let text = " \(place) \(isMe(name) ? bold(name) : name)\(padding)  \(hand)\(gap)  \(count)"
            return trimmed(note.isEmpty ? text : "\(text)  \(note)")
        }
        let title = "── table \(table.table) "
        var lines = [dim(title + String(repeating: "─", count: max(0, 12 + nameWidth + handWidth - title.count)))]
        lines.append(
            line(" ", "dealer", cards(table.dealer), handColumns: width(table.dealer), table.dealer.total, dealerNote(table)))
        for seat in table.seats {
            lines.append(
                line(
                    String(seat.seat), seat.player, seat.hand.cards.map(card).joined(separator: " "),
                    handColumns: Self.width(seat.hand.description), seat.total, note(seat, in: table, now: now)))
        }
        return lines
    }

    /// What happened, as a sentence; empty for what goes without saying.
    ///
    /// - Parameter table: The table with the event applied.
    public func sentence(_ event: TableEvent, at table: TableSnapshot) -> String {
        switch event {
        case .joined(let event):
            return "\(name(event.player)) \(verb(event.player, "take", "takes")) seat \(event.seat)"
        case .started(let event):
            return event.players.count == 1 ? "the game starts" : "the game starts with \(event.players.count) players"
        case .dealt(let event):
            // The first two cards are on the table when it is drawn.
            guard let player = event.player, let dealt = event.card,
                table.seats.contains(where: { $0.seat == event.seat && $0.hand.cards.count > 2 })
            else { return "" }
            let total = table.seats.first { $0.seat == event.seat }?.total ?? 0
            return "\(name(player)) \(verb(player, "hit", "hits")): \(card(dealt)), \(total)"
        case .stood(let event):
            let stands = "\(name(event.player)) \(verb(event.player, "stand", "stands")) on \(event.total)"
            return event.timedOut ? stands + " (time is up)" : stands
        case .busted(let event):
            return "\(name(event.player)) \(verb(event.player, "bust", "busts")) with \(event.total)"
        case .dealerPlayed(let event):
            return "the dealer shows \(event.hand.cards.map(card).joined(separator: " ")): \(event.total)"
        case .settled:
            return "the game is over"
        }
    }

    /// How the game ended for the player, as a sentence; nil for a watcher and before the end.
    public func verdict(_ table: TableSnapshot) -> String? {
        guard let seat = table.seats.first(where: { isMe($0.player) }), let outcome = seat.outcome else { return nil }
        switch outcome {
        case .blackjack: return green("Blackjack! You win.")
        case .win: return green("You win with \(seat.total).")
        case .push: return "A push: nobody wins."
        case .lose: return red(seat.state == .busted ? "You bust." : "The dealer wins.")
        }
    }

    private func note(_ seat: SeatView, in table: TableSnapshot, now: Timestamp?) -> String {
        if let outcome = seat.outcome {
            switch outcome {
            case .blackjack: return green("blackjack, wins")
            case .win: return green("wins")
            case .push: return "push"
            case .lose: return red(seat.state == .busted ? "bust" : "loses")
            }
        }
        switch seat.state {
        case .busted: return red("bust")
        case .blackjack: return green("blackjack")
        case .stood: return dim("stands")
        case .waiting: return dim("waits")
        case .playing:
            guard let turn = table.turn, turn.seat == seat.seat else { return "" }
            let left = now.map { ", \(Self.seconds(turn.until.remaining(at: $0)))" } ?? ""
            return bold("◀ \(isMe(seat.player) ? "your turn" : "plays")\(left)")
        }
    }

    private func dealerNote(_ table: TableSnapshot) -> String {
        guard table.phase == .settled else { return "" }
        return table.dealer.hand.isBlackjack ? red("blackjack") : table.dealer.hand.isBust ? green("bust") : ""
    }

    private func cards(_ dealer: DealerView) -> String {
        (dealer.hand.cards.map(card) + Array(repeating: dim("▒▒"), count: dealer.hidden)).joined(separator: " ")
    }

    private func width(_ dealer: DealerView) -> Int {
        let open = Self.width(dealer.hand.description)
        return open + 3 * dealer.hidden - (dealer.hand.cards.isEmpty && dealer.hidden > 0 ? 1 : 0)
    }

    private func card(_ card: Card) -> String {
        card.suit.isRed ? red(card.description) : bold(card.description)
    }

    private func isMe(_ name: String) -> Bool { name == player }
    private func name(_ name: String) -> String { isMe(name) ? "you" : name }
    private func verb(_ name: String, _ mine: String, _ theirs: String) -> String { isMe(name) ? mine : theirs }

    private func bold(_ text: String) -> String { mark(text, "1") }
    private func dim(_ text: String) -> String { mark(text, "2") }
    private func red(_ text: String) -> String { mark(text, "31") }
    private func green(_ text: String) -> String { mark(text, "32") }

    private func mark(_ text: String, _ code: String) -> String {
        style == .plain ? text : "\u{1B}[\(code)m\(text)\u{1B}[0m"
    }

    private func trimmed(_ text: String) -> String {
        let end = text.lastIndex { $0 != " " }
        return end.map { String(text[...$0]) } ?? ""
    }

    /// Whole seconds, rounded up, so that nothing is left only when nothing is left: `8 s`.
    public static func seconds(_ duration: Duration) -> String {
        "\((duration.wholeMilliseconds + 999) / 1000) s"
    }

    /// Columns on a terminal: emoji and East Asian wide characters take two.
    private static func width(_ text: String) -> Int {
        text.reduce(0) { sum, character in
            guard let scalar = character.unicodeScalars.first else { return sum }
            let isWide =
                scalar.properties.isEmojiPresentation || character.unicodeScalars.contains("\u{FE0F}")
                || (0x1100...0x115F).contains(scalar.value) || (0x2E80...0xA4CF).contains(scalar.value)
                || (0xAC00...0xD7A3).contains(scalar.value) || (0xF900...0xFAFF).contains(scalar.value)
                || (0xFE30...0xFE6F).contains(scalar.value) || (0xFF00...0xFF60).contains(scalar.value)
            return sum + (isWide ? 2 : 1)
        }
    }
}
