import Logging
import RivuletBackbone
import RivuletPostgres
import RivuletSQLite
import RivuletSubscriptions

/// A store that was opened, and how to close it.
struct OpenBackbone: Sendable {
    let store: any ObjectStore
    let log: any EventLog
    let close: @Sendable () async -> Void

    static func open(_ configuration: StoreConfiguration, logger: Logger) async throws(StoreError) -> OpenBackbone {
        // Nodes do not share a store yet.
        switch configuration {
        case .memory:
            let memory = InMemoryBackbone(time: SystemTime())
            return OpenBackbone(store: memory, log: memory, close: {})
        case .sqlite(let path):
            let sqlite = try await SQLiteBackbone.open(SQLiteConfiguration(path: path, isExclusive: true), logger: logger)
            return OpenBackbone(store: sqlite, log: sqlite) {
                do {
                    try await sqlite.close()
                } catch {
                    logger.error("the store was not closed properly", metadata: ["store": "\(path)", "error": "\(error)"])
                }
            }
        case .postgres(let url):
            let settings = PostgresConfiguration(url: url, isExclusive: true)
            let postgres = try await PostgresBackbone.open(settings, logger: logger)
            return OpenBackbone(store: postgres, log: postgres) { await postgres.close() }
        }
    }
}
