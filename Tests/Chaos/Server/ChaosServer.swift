import Rivulet

/// A node whose objects tell afterwards whether anything was lost, repeated or written by someone who had no right to.
@main struct ChaosServer: NodeCommand {
    static let objects: [any ServiceObject.Type] = [Ledger.self]
}
