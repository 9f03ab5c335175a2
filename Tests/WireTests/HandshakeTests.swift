import RivuletWire
import Testing

@Suite(.timeLimit(.minutes(1)))
struct HandshakeTests {
    @Test func infoIsReadBackAsWritten() throws {
        let info = ServerInfo(
            serverID: "ID", serverName: "na\"me\\\n", rivulet: "0.1.0", language: "swift", host: "::1", port: 4222, headers: true,
            maxPayload: 5, clientID: 7,
            clientIP: "127.0.0.1", authRequired: true, tlsVerify: true, nonce: "n", ldm: true, connectURLs: ["a:1", "b:2"])
        #expect(try ServerInfo(parsing: info.encoded()) == info)
        #expect(info.version == "2.11.0")
    }

    @Test func infoOfNATSServerIsRead() throws {
        let json = """
            {"server_id":"NAZS","server_name":"n","version":"2.15.1","proto":1,"git_commit":"b2f","go":"go1.27.2","host":"127.0.0.1",\
            "port":14222,"headers":true,"max_payload":1048576,"client_id":105,"client_ip":"127.0.0.1","api_lvl":5,"xkey":"XD",\
            "future":{"a":[1,2.5e3,null,{"b":false}]}}
            """
        let info = try ServerInfo(parsing: Array(json.utf8))
        #expect(
            info.serverName == "n" && info.clientID == 105 && info.headers && !info.ldm && info.rivulet == nil
                && info.language == "go1.27.2")
    }

    @Test func connectIsReadBackAsWritten() throws {
        let options = ConnectOptions(
            verbose: true, pedantic: true, tlsRequired: true, authToken: "t", user: "u", password: "pä\u{1F0A1}", name: "n", version: "1",
            echo: false, headers: false, noResponders: false, signature: "s", jwt: "j", nkey: "k")
        #expect(try ConnectOptions(parsing: options.encoded()) == options)
    }

    @Test func whatConnectDoesNotMentionIsAsNATSServerAssumes() throws {
        let options = try ConnectOptions(parsing: Array("{\"name\":null}".utf8))
        #expect(options == ConnectOptions.assumed)
        #expect(options.verbose && options.pedantic && options.echo && !options.headers && !options.noResponders)
    }

    @Test func escapesAreRead() throws {
        let options = try ConnectOptions(parsing: Array(#"{"name":"\u00e9\ud83c\udca1\ud83cx\"\\\/\n","lang":"\ud83c\u0041"}"#.utf8))
        #expect(options.name == "é🂡\u{FFFD}x\"\\/\n")
        #expect(options.lang == "\u{FFFD}A")
    }

    @Test(arguments: [
        "", "5", "[]", "{", "{x", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{\"verbose\":\"x\"}", "{\"name\":1}", "{\"protocol\":true}", "{} x",
        "{\"a\":1e}", "{\"a\":01}", "{\"a\":-01}", "{\"a\":-}", "{\"a\":1.}", "{\"a\":1.e1}", "{\"a\":1e+}", "{\"a\":0x1}", "{\"a\":1_0}",
        "{\"a\":.}", "{\"a\":+1}", "{\"name\":\"\\x\"}", "{\"name\":\"\\u12g4\"}", "{\"name\":\"a",
    ])
    func malformedJSONIsRefused(text: String) {
        #expect(throws: WireError.parserError) { try ConnectOptions(parsing: Array(text.utf8)) }
    }

    @Test(arguments: ["0", "-0", "1", "-12", "0.5", "-0.25e-3", "1E+2", "9e9", "99999999999999999999"])
    func numbersAreRead(text: String) throws {
        _ = try ConnectOptions(parsing: Array("{\"a\":\(text),\"b\":[\(text)]}".utf8))
        #expect((try? ConnectOptions(parsing: Array("{\"protocol\":\(text)}".utf8)))?.proto == Int(text))
    }

    @Test func deepNestingIsRefused() {
        let deep = "{\"a\":" + String(repeating: "[", count: 100_000) + "}"
        #expect(throws: WireError.parserError) { try ConnectOptions(parsing: Array(deep.utf8)) }
    }

    @Test func errorsAreReadBackAsWritten() {
        let errors: [WireError] = [
            .unknownProtocolOperation, .maximumPayloadViolation, .slowConsumer, .permissionsViolationPublish("evt.x"),
            .permissionsViolationSubscription("a.>"), .permissionsViolationQueueSubscription("a.>", queue: "q 1"),
            .permissionsViolationReply("evt.x"), .authenticationExpired, .other("Something Else"),
        ]
        for error in errors {
            var line: [UInt8] = []
            FrameEncoder.error(error, to: &line)
            #expect(Transcript.ofServer([line]).frames == ["error '\(error.protocolText)'"])
            #expect(WireError(protocolText: "'\(error.protocolText)'") == error)
        }
        #expect(WireError(protocolText: "'maximum control line exceeded'") == .maximumControlLineExceeded)
        #expect(WireError(protocolText: "'\u{7a7}x'") == .other("\u{7a7}x"))
    }

    @Test func numbersAreWrittenInDecimal() {
        for number in [0, 1, 9, 10, 99, 100, 1_048_576, Int.max] {
            var bytes: [UInt8] = []
            FrameEncoder.decimal(number, to: &bytes)
            #expect(String(decoding: bytes, as: UTF8.self) == String(number))
            #expect(FrameParser.decimal(0..<bytes.count, in: bytes.span) == number)
        }
    }
}
