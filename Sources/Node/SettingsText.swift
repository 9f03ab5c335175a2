/// A settings file that says what holds without one: every key with its default and what it is.
enum SettingsText {
    /// YAML. Keys without a default, and the sections, are comments.
    static let yaml: String = {
        let standard = NodeSettings()
        var text = "# Rivulet's settings, with their defaults. Flags and RIVULET_… variables come before them.\n"
        for key in SettingKey.allCases {
            let line = key.standard(in: standard).map { "\(key.rawValue): \($0)" } ?? "# \(key.rawValue): \(key.example)"
            text += "\n# \(key.comment)\n\(line)\n"
        }
        return text + "\n" + sections
    }()

    /// In the words of nats-server.
    private static let sections = """
        # who may connect, and what they may do; everybody everything if it is not there
        # authorization:
        #   timeout: 2                          # time to log in
        #   token: $2a$11$…                     # or its plain text
        #   user: ann                           # one user, with password; more go into users
        #   password: $2a$11$…
        #   default_permissions:                # of those who have none of their own
        #     publish: ["chat.>"]               # or allow and deny
        #     subscribe: {allow: ["chat.>"], deny: ["chat.secret"]}
        #     allow_responses: {max: 1, expires: 2m}
        #   no_auth_user: bob                   # whom those are taken for who say nothing of who they are
        #   users:
        #     - user: bob                       # with a password; without one, named by a certificate
        #       password: $2a$11$…
        #       connection_deadline: 2030-01-31T12:00:00Z
        #       permissions: {publish: ["obj.>"]}
        #     - nkey: UCK5N7N66OBOINFXAYC2ACJQYFSOD4VYNU6APEJTAVFZB2SVHLKGEW7L

        # how connections are encrypted; not at all if it is not there
        # tls:
        #   cert_file: server.pem
        #   key_file: server-key.pem
        #   ca_file: authority.pem              # those who sign clients' certificates
        #   verify: true                        # clients need a certificate
        #   verify_and_map: true                # which also tells who they are
        #   handshake_first: false              # whether TLS comes before INFO
        #   timeout: 2                          # how long the handshake may take

        # how WebSocket connections are taken; they are encrypted like the others if nothing else is said
        # websocket:
        #   host: 127.0.0.1                     # that of the node if it is not there
        #   port: 8080
        #   no_tls: false                       # true: not encrypted although there is TLS
        #   tls:                                # for these connections alone, with the names of the section tls
        #     cert_file: browsers.pem
        #     key_file: browsers-key.pem
        #   same_origin: true                   # browsers' pages must come from the node itself
        #   allowed_origins: ["https://example.org"]
        #   handshake_timeout: 2                # time until it is a WebSocket

        """
}
