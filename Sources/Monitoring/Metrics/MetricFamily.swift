/// All series of one metric, as Prometheus reads them.
public struct MetricFamily: Sendable, Hashable {
    /// What the numbers mean.
    public enum Kind: String, Sendable {
        /// Only goes up.
        case counter
        /// Goes up and down.
        case gauge
        /// Has `_sum` and `_count`.
        case summary
        /// Has `_bucket` as well.
        case histogram
    }

    /// One line: a number, and which it is.
    public struct Sample: Sendable, Hashable {
        /// What follows the family's name, such as `_sum`.
        public var suffix: String
        /// Names and values, in order.
        public var labels: [Label]
        /// The number.
        public var value: Double

        /// A number.
        public init(_ value: Double, labels: [Label] = [], suffix: String = "") {
            self.suffix = suffix
            self.labels = labels
            self.value = value
        }
    }

    /// What distinguishes a series from the others of its family.
    public struct Label: Sendable, Hashable {
        /// What kind of distinction it is.
        public var name: String
        /// Any text.
        public var value: String

        /// A label.
        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// `rivulet_connections`; what may not be in a name is written as `_`.
    public var name: String
    /// What the numbers mean.
    public var kind: Kind
    /// A sentence for people; may be empty.
    public var help: String
    /// The numbers.
    public var samples: [Sample]

    /// A family.
    public init(_ name: String, _ kind: Kind, _ help: String, _ samples: [Sample]) {
        self.name = name
        self.kind = kind
        self.help = help
        self.samples = samples
    }

    /// A family of one number.
    public init(_ name: String, _ kind: Kind, _ help: String, _ value: some BinaryInteger) {
        self.init(name, kind, help, [Sample(Double(value))])
    }
}
