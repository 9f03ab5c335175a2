import BenchKinds
import Rivulet

/// A node with objects to measure calls and events with.
@main struct BenchObjects: NodeCommand {
    static let objects: [any ServiceObject.Type] = [Counter.self, Ticker.self, Account.self, Journal.self]
}
