import Foundation
import Logging
import RivuletBroker
import RivuletMonitoring
import RivuletSubscriptions
import Testing

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

@Suite(.timeLimit(.minutes(1))) struct MonitoringTests {
    private struct Answer {
        let status: Int
        let type: String
        let allow: String?
        let length: String?
        let text: String
        let json: [String: Any]
    }

    private struct Page {
        let url: MonitoringAddress

        func get(_ path: String, method: String = "GET") async throws -> Answer {
            var request = URLRequest(url: try #require(URL(string: url.description + path)))
            request.httpMethod = method
            let (data, response) = try await URLSession.shared.data(for: request)
            let http = try #require(response as? HTTPURLResponse)
            return Answer(
                status: http.statusCode, type: http.value(forHTTPHeaderField: "Content-Type") ?? "",
                allow: http.value(forHTTPHeaderField: "Allow"), length: http.value(forHTTPHeaderField: "Content-Length"),
                text: String(decoding: data, as: UTF8.self),
                json: (try? JSONSerialization.jsonObject(with: data) as? [String: Any]) ?? [:])
        }
    }

    private let quiet = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

    private func withMonitoring(
        trouble: @escaping @Sendable () -> String? = { nil }, _ body: (Broker, Page) async throws -> Void
    ) async throws {
        var configuration = BrokerConfiguration()
        configuration.port = 0
        configuration.serverName = "test"
        let broker = Broker(configuration: configuration, logger: quiet)
        try await broker.start()
        var monitoring = MonitoringConfiguration()
        monitoring.port = 0
        let server = MonitoringServer(
            configuration: monitoring, broker: broker, trouble: trouble,
            metrics: { [MetricFamily("extra", .gauge, "", 5)] }, logger: quiet)
        do {
            try await server.whileListening { try await body(broker, Page(url: $0)) }
        } catch {
            await broker.shutdown()
            throw error
        }
        await broker.shutdown()
    }

    @Test func theDefaultIsLoopback() {
        #expect(MonitoringConfiguration().host == "127.0.0.1")
    }

    @Test func healthIsToldAlsoWhileTheBrokerDrains() async throws {
        try await withMonitoring { broker, page in
            for path in ["/healthz", "/healthz?js-enabled-only=true", "/healthz?js-server-only=1"] {
                let answer = try await page.get(path)
                #expect(answer.status == 200 && answer.text == #"{"status":"ok"}"#)
            }
            await broker.drain()
            let answer = try await page.get("/healthz")
            #expect(answer.status == 503)
            #expect(answer.json as? [String: String] == ["status": "unavailable", "error": "the node is draining"])
        }
        try await withMonitoring(trouble: { "no \"store\"" }) { _, page in
            let answer = try await page.get("/healthz")
            #expect(answer.status == 503 && answer.json["error"] as? String == "no \"store\"")
        }
    }

    @Test func varzTellsWhatTheServerIs() async throws {
        try await withMonitoring { broker, page in
            try broker.publish(BusMessage(subject: try Subject("a"), payload: [1, 2, 3]))
            let answer = try await page.get("/varz")
            #expect(answer.status == 200 && answer.type == "application/json")
            #expect(answer.json["server_id"] as? String == broker.serverID)
            #expect(answer.json["server_name"] as? String == "test")
            #expect(answer.json["max_payload"] as? Int == 1_048_576)
            #expect(answer.json["ping_interval"] as? Int == 120_000_000_000)
            #expect(answer.json["in_msgs"] as? Int == 1 && answer.json["in_bytes"] as? Int == 3)
            #expect(answer.json["http_port"] as? Int == page.url.port)
            guard case .listening(let address) = broker.status else { throw CancellationError() }
            #expect(answer.json["host"] as? String == address.host && answer.json["port"] as? Int == address.port)
            #expect((answer.json["mem"] as? Int ?? 0) > 1_000_000)
            #expect((answer.json["cores"] as? Int ?? 0) > 0)
        }
    }

    @Test func subscriptionsOfTheProcessAreListed() async throws {
        try await withMonitoring { broker, page in
            let first = try broker.attach(try SubjectPattern("a.*"), queue: "q") { _ in }
            let second = try broker.attach(try SubjectPattern("b.>"), queue: nil) { _ in }
            try broker.publish(BusMessage(subject: try Subject("a.b")))
            func list(_ query: String) async throws -> [[String: Any]] {
                try await page.get("/subsz?subs=1" + query).json["subscriptions_list"] as? [[String: Any]] ?? []
            }
            let all = try await list("")
            #expect(all.map { $0["subject"] as? String } == ["a.*", "b.>"])
            #expect(all[0]["qgroup"] as? String == "q" && all[0]["msgs"] as? Int == 1)
            #expect(try await list("&offset=1").map { $0["subject"] as? String } == ["b.>"])
            #expect(try await list("&limit=1").map { $0["subject"] as? String } == ["a.*"])
            #expect(try await list("&test=b.x.y").map { $0["subject"] as? String } == ["b.>"])
            let answer = try await page.get("/subsz")
            #expect(answer.json["num_subscriptions"] as? Int == 2 && answer.json["subscriptions_list"] == nil)
            first.cancel()
            second.cancel()
            #expect(try await list("").isEmpty)
        }
    }

    @Test func metricsAreText() async throws {
        try await withMonitoring { _, page in
            let answer = try await page.get("/metrics")
            #expect(answer.status == 200 && answer.type == "text/plain; version=0.0.4; charset=utf-8")
            let lines = answer.text.split(separator: "\n")
            for expected in ["rivulet_connections 0", "# TYPE rivulet_in_messages_total counter", "extra 5"] {
                #expect(lines.contains { $0 == expected }, "\(expected)")
            }
            #expect(lines.contains { $0.hasPrefix("process_resident_memory_bytes ") })
        }
    }

    @Test(arguments: [
        "/connz?cid=abc", "/connz?sort=foo", "/connz?limit=many", "/connz?state=closed", "/subsz?subs=1&test=a..b", "/subsz?test=a.*",
    ])
    func whatMakesNoSenseIsRefused(path: String) async throws {
        try await withMonitoring { _, page in
            let answer = try await page.get(path)
            #expect(answer.status == 400 && answer.type.hasPrefix("text/plain"))
        }
    }

    @Test func onlyReadingIsAllowed() async throws {
        try await withMonitoring { _, page in
            for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
                let answer = try await page.get("/varz", method: method)
                #expect(answer.status == 405 && answer.allow == "GET, HEAD", "\(method)")
            }
            let head = try await page.get("/healthz", method: "HEAD")
            #expect(head.status == 200 && head.text.isEmpty && head.length == "15")
            #expect(try await page.get("/nothing").status == 404)
            let index = try await page.get("/")
            #expect(index.status == 200 && index.type.hasPrefix("text/html") && index.text.contains("healthz"))
        }
    }

    @Test func aTakenPortIsAClearError() async throws {
        try await withMonitoring { broker, page in
            var configuration = MonitoringConfiguration()
            configuration.port = page.url.port
            let second = MonitoringServer(configuration: configuration, broker: broker, logger: quiet)
            let error = await #expect(throws: MonitoringError.self) { try await second.whileListening { _ in } }
            #expect(error?.code == .addressInUse)
            #expect(
                error?.message == "cannot serve monitoring at \(page.url): another program listens there; choose another httpPort")
        }
    }
}
