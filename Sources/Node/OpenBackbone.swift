import Logging
import RivuletBackbone
import RivuletPostgres
import RivuletSQLite
import RivuletSubscriptions

/// What the nodes of a cluster share besides objects and events.
typealias ClusterBackbone = Membership & Directory & Relay

/// A store that was opened, and how to close it.
struct OpenBackbone: Sendable {
    let store: any ObjectStore
    let log: any EventLog
    /// Who shares it; nil if nobody can.
    let cluster: (any ClusterBackbone)?
    let close: @Sendable () async -> Void

    /// In a cluster other nodes may have it open as well.
    static func open(_ configuration: NodeConfiguration, logger: Logger) async throws(StoreError) -> OpenBackbone {
        do throws(StoreError) {
            return try await openAsIs(configuration, logger: logger)
        } catch  where error.code == .inUse {
            throw StoreError(.inUse, error.message + "; nodes that share a store are all started with --cluster")
        }
    }

    private static func openAsIs(_ configuration: NodeConfiguration, logger: Logger) async throws(StoreError) -> OpenBackbone {
        let isExclusive = configuration.cluster == nil
        switch configuration.store {
        case .memory:
            let memory = InMemoryBackbone(time: SystemTime())
            return OpenBackbone(store: memory, log: memory, cluster: nil, close: {})
        case .sqlite(let path):
            let sqlite = try await SQLiteBackbone.open(SQLiteConfiguration(path: path, isExclusive: isExclusive), logger: logger)
            return OpenBackbone(store: sqlite, log: sqlite, cluster: sqlite) {
                do {
                    try await sqlite.close()
                } catch {
                    logger.error("the store was not closed properly", metadata: ["store": "\(path)", "error": "\(error)"])
                }
            }
        case .postgres(let url):
            let risks = configuration.acceptedRisks
            if !risks.isEmpty {
                let names = risks.map(\.rawValue).sorted().joined(separator: ",")
                logger.warning("a crash may lose what was answered, if what is accepted is off", metadata: ["accepted": "\(names)"])
            }
            let settings = PostgresConfiguration(url: url, isExclusive: isExclusive, acceptedRisks: risks)
            let postgres = try await PostgresBackbone.open(settings, logger: logger)
            return OpenBackbone(store: postgres, log: postgres, cluster: postgres) { await postgres.close() }
        }
    }
}
