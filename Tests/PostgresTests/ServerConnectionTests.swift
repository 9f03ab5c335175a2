import RivuletBackbone
import Testing

@testable import RivuletPostgres

@Suite("Connections to PostgreSQL", .timeLimit(.minutes(2)))
struct ServerConnectionTests {
    private static let sum = Statement("sum", "SELECT $1 + $2, $3, $4")

    private func sum(_ connection: ServerConnection) throws -> String {
        var parameters = Parameters()
        parameters.add(Int64(40))
        parameters.add(Int64(2))
        parameters.add("")
        parameters.add(optional: nil)
        let rows = try connection.run(Self.sum, parameters, until: Deadline(in: .seconds(30)))
        return "\(rows.int64(0, 0)) \(rows.isNull(0, 1)) \(rows.isNull(0, 2))"
    }

    @Test("a session that does not know the statements, as another one behind a pooler, is told them each time")
    func forgottenStatements() async throws {
        try await TestDatabase.with { database in
            let configuration = try database.configuration
            try await apart {
                let connection = try ServerConnection(configuration.url)
                for _ in 0..<2 { #expect(try sum(connection) == "42 false true") }
                try connection.run(script: "DEALLOCATE ALL", until: Deadline(in: .seconds(30)))
                for _ in 0..<2 { #expect(try sum(connection) == "42 false true") }
            }
        }
    }

    @Test("arrays go there and back, with what is empty and what is NULL")
    func arrays() async throws {
        try await TestDatabase.with { database in
            let configuration = try database.configuration
            try await apart {
                let connection = try ServerConnection(configuration.url)
                var parameters = Parameters()
                parameters.add([Int64.min, 0, .max])
                parameters.add([Int32.min, 0, .max])
                parameters.add(["", "é🂡", "a"])
                parameters.add([String]())
                parameters.add(texts: [nil, Array("x".utf8), []])
                parameters.add(blobs: [[], [0, 255]])
                let statement = Statement(
                    "arrays",
                    "SELECT $1, $2, $3, $4, array_position($5, NULL)::bigint, cardinality($5)::bigint, $6[2], octet_length($6[1])::bigint")
                let rows = try connection.run(statement, parameters, until: Deadline(in: .seconds(30)))
                #expect(rows.int64s(0, 0) == [.min, 0, .max])
                #expect(rows.int64s(0, 1) == [Int64(Int32.min), 0, Int64(Int32.max)])
                #expect(rows.texts(0, 2) == ["", "é🂡", "a"])
                #expect(rows.texts(0, 3) == [])
                #expect([rows.int64(0, 4), rows.int64(0, 5), rows.int64(0, 7)] == [1, 3, 0])
                #expect(rows.blob(0, 6) == [0, 255])
            }
        }
    }

    @Test("a notification that came while something else was asked is not waited for")
    func earlyNotification() async throws {
        try await TestDatabase.with { database in
            let configuration = try database.configuration
            try await apart {
                let (connection, pipe, deadline) = (try ServerConnection(configuration.url), WakePipe(), Deadline(in: .seconds(30)))
                // Its own it is told before it is told that the statement is done.
                for script in ["LISTEN bell", "NOTIFY bell"] { try connection.run(script: script, until: deadline) }
                try connection.wait(orFor: pipe.descriptor, until: deadline)
                #expect(!deadline.hasPassed)
                #expect(connection.takeNotifications())
                #expect(!connection.takeNotifications())
            }
        }
    }

    @Test("errors say what the server said, and a deadline ends a wait")
    func errors() async throws {
        try await TestDatabase.with { database in
            let configuration = try database.configuration
            try await apart {
                let connection = try ServerConnection(configuration.url)
                let wrong = #expect(throws: ServerError.self) {
                    try connection.run(Statement("wrong", "SELECT 1 / 0"), until: Deadline(in: .seconds(30)))
                }
                #expect(wrong?.state == "22012" && wrong?.message == "division by zero" && wrong?.isLost == false)
                let late = #expect(throws: ServerError.self) {
                    try connection.run(Statement("late", "SELECT pg_sleep(600)"), until: Deadline(in: .milliseconds(50)))
                }
                #expect(late?.isLost == true)
            }
        }
    }
}
