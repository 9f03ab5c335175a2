import Hummingbird
import RivuletBroker

/// Answers requests for the monitoring of one broker.
struct MonitoringResponder: HTTPResponder {
    typealias Context = BasicRequestContext

    let broker: Broker
    let server: ServerPage
    /// Why the node cannot serve; nil if it can.
    let trouble: @Sendable () -> String?
    let metrics: @Sendable () -> [MetricFamily]

    func respond(to request: Request, context: Context) async throws -> Response {
        guard request.method == .get || request.method == .head else {
            var response = text(.methodNotAllowed, "only GET and HEAD are allowed\n")
            response.headers[.allow] = "GET, HEAD"
            return response
        }
        let response: Response
        do throws(Query.Wrong) {
            response = try answer(request)
        } catch {
            response = text(.badRequest, error.message + "\n")
        }
        return request.method == .head ? response.createHeadResponse() : response
    }

    private func answer(_ request: Request) throws(Query.Wrong) -> Response {
        switch request.uri.path {
        case "/": return text(.ok, Self.index, type: "text/html; charset=utf-8")
        case "/healthz": return health()
        case "/varz": return json(.ok, server.json())
        case "/connz": return json(.ok, try ConnectionsPage(Query(request)).json(broker))
        case "/subsz": return json(.ok, try SubscriptionsPage(Query(request)).json(broker))
        case "/metrics":
            let families = NodeMetrics.families(broker) + metrics() + NodeMetrics.measured
            return text(.ok, PrometheusText.encode(families), type: PrometheusText.contentType)
        default: return text(.notFound, "there is no such page\n")
        }
    }

    private func health() -> Response {
        let reason =
            switch broker.status {
            case .idle: "the node is starting"
            case .draining: "the node is draining"
            case .closed: "the node has stopped"
            case .listening: trouble()
            }
        guard let reason else { return compact(.ok, #"{"status":"ok"}"#) }
        let quoted = String(decoding: JSONValue.string(reason).encoded(), as: UTF8.self)
        return compact(.serviceUnavailable, #"{"status":"unavailable","error":\#(quoted)}"#)
    }

    private func compact(_ status: HTTPResponse.Status, _ json: String) -> Response { text(status, json, type: "application/json") }

    private func json(_ status: HTTPResponse.Status, _ value: JSONValue) -> Response {
        respond(status, ByteBuffer(bytes: value.encoded()), type: "application/json")
    }

    private func text(_ status: HTTPResponse.Status, _ text: String, type: String = "text/plain; charset=utf-8") -> Response {
        respond(status, ByteBuffer(string: text), type: type)
    }

    private func respond(_ status: HTTPResponse.Status, _ body: ByteBuffer, type: String) -> Response {
        Response(
            status: status, headers: [.contentType: type, .cacheControl: "no-store", .xContentTypeOptions: "nosniff"],
            body: ResponseBody(byteBuffer: body))
    }

    private static let index = """
        <!DOCTYPE html>
        <html lang="en">
        <head><meta charset="utf-8"><title>Rivulet</title></head>
        <body>
        <h1>Rivulet</h1>
        <ul>
        <li><a href="healthz">healthz</a>: whether the node can serve</li>
        <li><a href="varz">varz</a>: settings and totals</li>
        <li><a href="connz">connz</a>: connections</li>
        <li><a href="subsz?subs=1">subsz</a>: subscriptions</li>
        <li><a href="metrics">metrics</a>: for Prometheus</li>
        </ul>
        </body>
        </html>

        """
}
