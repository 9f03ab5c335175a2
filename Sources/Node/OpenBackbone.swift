import Logging
import RivuletBackbone
import RivuletPostgres
import RivuletSQLite
import RivuletSubscriptions

/// A store that was opened, and how to close it.
struct OpenBackbone: Sendable {
    let store: any ObjectStore
    let log: any EventLog
    /// Who shares it; nil if nobody can.
    let members: (any Membership & Directory)?
    let close: @Sendable () async -> Void

    /// - Parameter isShared: Whether other nodes may have it open as well.
    static func open(_ configuration: StoreConfiguration, isShared: Bool, logger: Logger) async throws(StoreError) -> OpenBackbone {
        do throws(StoreError) {
            return try await openAsIs(configuration, isShared: isShared, logger: logger)
        } catch  where error.code == .inUse {
            throw StoreError(.inUse, error.message + "; nodes that share a store are all started with --cluster")
        }
    }

    private static func openAsIs(
        _ configuration: StoreConfiguration, isShared: Bool, logger: Logger
    ) async throws(StoreError) -> OpenBackbone {
        switch configuration {
        case .memory:
            let memory = InMemoryBackbone(time: SystemTime())
            return OpenBackbone(store: memory, log: memory, members: nil, close: {})
        case .sqlite(let path):
            let sqlite = try await SQLiteBackbone.open(SQLiteConfiguration(path: path, isExclusive: !isShared), logger: logger)
            return OpenBackbone(store: sqlite, log: sqlite, members: sqlite) {
                do {
                    try await sqlite.close()
                } catch {
                    logger.error("the store was not closed properly", metadata: ["store": "\(path)", "error": "\(error)"])
                }
            }
        case .postgres(let url):
            let settings = PostgresConfiguration(url: url, isExclusive: !isShared)
            let postgres = try await PostgresBackbone.open(settings, logger: logger)
            return OpenBackbone(store: postgres, log: postgres, members: postgres) { await postgres.close() }
        }
    }
}
