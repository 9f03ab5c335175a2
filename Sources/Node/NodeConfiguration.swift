public import RivuletBroker
public import RivuletCluster
public import RivuletMonitoring
public import RivuletObjects
public import RivuletPostgres

/// How a node listens, stores and hosts.
public struct NodeConfiguration: Sendable, Hashable {
    /// Listening and its limits.
    public var broker = BrokerConfiguration()
    /// Where monitoring is served over HTTP; nil for nowhere.
    public var monitoring: MonitoringConfiguration?
    /// Where objects and events are kept; `rivulet.sqlite` in the working directory.
    public var store = StoreConfiguration.sqlite("rivulet.sqlite")
    /// Settings of a PostgreSQL server that are put up with when they are off, though a crash may then lose or damage what was answered.
    public var acceptedRisks: Set<PostgresConfiguration.Risk> = []
    /// How the node shares the store, and the objects in it, with other nodes; nil if it has the store alone.
    public var cluster: ClusterConfiguration?
    /// How objects are hosted.
    public var objects = ObjectHostConfiguration()

    /// The defaults, changed where given.
    ///
    /// - Parameters:
    ///   - host: The address to listen at; loopback unless said otherwise.
    ///   - port: The TCP port; 0 for any that is free.
    public init(host: String = "127.0.0.1", port: Int = 4222, store: StoreConfiguration = .sqlite("rivulet.sqlite")) {
        broker.host = host
        broker.port = port
        self.store = store
    }
}
