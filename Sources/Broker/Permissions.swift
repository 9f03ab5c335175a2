/// Who asks to use a subject.
enum Party: Sendable {
    /// The program the broker is part of.
    case process
    /// A client on the network.
    case network
}

/// Who may do what with which subject. The one place that decides: at publish, at subscribe and at delivery.
struct Permissions: Sendable {
    enum Use {
        case publish
        case subscribe
        /// To get a message that was published to the subject.
        case receive
    }

    private let reservedPublishPrefixes: [[UInt8]]

    init(_ configuration: BrokerConfiguration) {
        reservedPublishPrefixes = configuration.reservedPublishPrefixes.map { Array($0.utf8) }
    }

    func allow(_ party: Party, to use: Use, _ subject: some Sequence<UInt8>) -> Bool {
        switch (party, use) {
        case (.network, .publish): !reservedPublishPrefixes.contains { subject.starts(with: $0) }
        case (.process, _), (.network, .subscribe), (.network, .receive): true
        }
    }
}
