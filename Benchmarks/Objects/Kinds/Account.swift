package import Rivulet

package struct Deposit: Message {
    package typealias Reply = Int
    var amount: Int?
}

package struct Balance: Message {
    package typealias Reply = Int
}

package struct Deposited: Event {
    var amount: Int
    var balance: Int
    var currency: String
}

/// Keeps its state, about 90 bytes of JSON, and tells of each change by one durable event.
package struct Account: ServiceObject {
    package struct State: Codable, Sendable {
        var owner = "somebody with a name"
        var currency = "EUR"
        var balance = 0
        var deposits = 0
        var limit = 250_000
    }
    package var state = State()

    package init() {}

    package static var handlers: Handlers<Self> {
        Handle(Deposit.self) { account, deposit, turn in
            let amount = deposit.amount ?? 1
            account.state.balance &+= amount
            account.state.deposits &+= 1
            turn.publish(Deposited(amount: amount, balance: account.state.balance, currency: account.state.currency))
            return account.state.balance
        }
        Query(Balance.self) { account, _, _ in account.state.balance }
    }
}
