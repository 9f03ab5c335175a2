import ArgumentParser
import Logging
import RivuletBackbone
import RivuletPostgres
import RivuletSQLite

struct StoreOptions: ParsableArguments {
    enum Place {
        case sqlite(String)
        case postgres(String)
    }

    @Option(help: ArgumentHelp("sqlite:PATH or postgres://USER@HOST/DATABASE.", valueName: "store"))
    var store: String

    var place: Place { store.hasPrefix("sqlite:") ? .sqlite(String(store.dropFirst(7))) : .postgres(store) }

    /// Opens the store as a node does, with the stream that the turns' events go to.
    func withStore(_ body: (any ObjectStore) async throws -> Void) async throws {
        var logger = Logger(label: "BareStore")
        logger.logLevel = .error
        switch place {
        case .sqlite(let path):
            let store = try await SQLiteBackbone.open(SQLiteConfiguration(path: path, isExclusive: true), logger: logger)
            _ = try await store.open(TurnSource.kind)
            try await body(store)
            try await store.close()
        case .postgres(let url):
            let store = try await PostgresBackbone.open(
                PostgresConfiguration(url: try PostgresURL(url), isExclusive: true), logger: logger)
            _ = try await store.open(TurnSource.kind)
            try await body(store)
            await store.close()
        }
    }
}
