import Crypto
import NIOHTTP1
import RivuletWire

/// Judges the requests by which connections become WebSockets.
struct WebSocketHandshake {
    /// Why a connection does not become one.
    struct Refusal: Error, Equatable {
        let status: HTTPResponseStatus
        let reason: String

        init(_ status: HTTPResponseStatus, _ reason: String) {
            self.status = status
            self.reason = reason
        }

        /// The headers of the answer.
        var headers: HTTPHeaders {
            var headers: HTTPHeaders = ["Content-Type": "text/plain; charset=utf-8", "Connection": "close"]
            if status == .methodNotAllowed { headers.add(name: "Allow", value: "GET") }
            if status == .upgradeRequired {
                headers.add(name: "Upgrade", value: "websocket")
                headers.add(name: "Sec-WebSocket-Version", value: "13")
            }
            return headers
        }
    }

    let configuration: WebSocketConfiguration
    let isEncrypted: Bool

    /// The headers of the answer that makes the connection a WebSocket. The path does not matter; extensions are not used.
    func accept(_ request: HTTPRequestHead) throws(Refusal) -> HTTPHeaders {
        let headers = request.headers
        guard request.method == .GET else { throw Refusal(.methodNotAllowed, "the method must be GET") }
        guard request.version == .http1_1 else { throw Refusal(.badRequest, "HTTP must be 1.1") }
        guard headers["Host"].count == 1, let host = headers.first(name: "Host") else { throw Refusal(.badRequest, "Host is missing") }
        guard !headers.contains(name: "Content-Length"), !headers.contains(name: "Transfer-Encoding") else {
            throw Refusal(.badRequest, "a request for a WebSocket has no body")
        }
        guard headers.has("websocket", in: "Upgrade") else { throw Refusal(.upgradeRequired, "this is a WebSocket server") }
        guard headers.has("upgrade", in: "Connection") else { throw Refusal(.badRequest, "Connection is not \"Upgrade\"") }
        guard headers["Sec-WebSocket-Version"] == ["13"] else {
            throw Refusal(.upgradeRequired, "the WebSocket version must be 13")
        }
        let keys = headers["Sec-WebSocket-Key"]
        guard keys.count == 1, let key = keys.first, key.utf8.count == 24, TextEncoding.base64.decode(key)?.count == 16 else {
            throw Refusal(.badRequest, "Sec-WebSocket-Key is not 16 bytes in base 64")
        }
        try check(headers["Origin"], host: host)
        return ["Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": Self.answer(to: key)]
    }

    private func check(_ origins: [String], host: String) throws(Refusal) {
        guard configuration.sameOrigin || !configuration.allowedOrigins.isEmpty, !origins.isEmpty else { return }
        guard origins.count == 1, let origin = origins.first.flatMap({ WebOrigin($0) }) else {
            throw Refusal(.forbidden, "the origin is not allowed")
        }
        if configuration.sameOrigin {
            let own = WebOrigin(scheme: isEncrypted ? "https" : "http", authority: host)
            guard origin.host == own?.host, origin.port == own?.port else { throw Refusal(.forbidden, "the origin is not this server") }
        }
        guard configuration.allowedOrigins.isEmpty || configuration.allowedOrigins.contains(origin) else {
            throw Refusal(.forbidden, "the origin is not allowed")
        }
    }

    /// RFC 6455, section 4.2.2.
    private static func answer(to key: String) -> String {
        let digest = Insecure.SHA1.hash(data: Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8))
        return TextEncoding.base64.encode(digest).map { $0 == "-" ? "+" : $0 == "_" ? "/" : String($0) }.joined() + "="
    }
}

extension HTTPHeaders {
    /// Whether a header is a list with this token.
    fileprivate func has(_ token: String, in name: String) -> Bool {
        self[canonicalForm: name].contains { $0.lowercased() == token }
    }
}
