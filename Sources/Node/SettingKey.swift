import Logging
import RivuletCluster
import RivuletMonitoring
import RivuletWire

/// The settings that are one value each: their names in a file, which in the environment begin with `RIVULET_`.
enum SettingKey: String, CaseIterable {
    case host, port, httpHost, httpPort, store, storeAcceptedRisks, logLevel, serverName
    case maxPayload, maxConnections, maxPending, pingInterval, pingMax, lameDuckDuration, lameDuckGracePeriod, idempotencyWindow
    case user, password, token
    case tlsCert, tlsKey, tlsCa, tlsVerify
    case websocketPort
    case cluster, clusterTtl, clusterAdvertise, clusterLabels

    /// What it is, in one line.
    var comment: String {
        switch self {
        case .host: "address to listen at"
        case .port: "TCP port; 0 takes one that is free"
        case .httpHost: "address where monitoring listens"
        case .httpPort: "TCP port of monitoring over HTTP; 0 takes one that is free, without it there is none"
        case .store: "where objects and events are kept: memory, sqlite:PATH or postgres://USER@HOST/DATABASE"
        case .storeAcceptedRisks: "settings of a PostgreSQL server that may be off, though a crash can then lose what was answered"
        case .logLevel: "trace, debug, info, notice, warning, error or critical"
        case .serverName: "the name that clients see; a random one if there is none"
        case .maxPayload: "most bytes of a message"
        case .maxConnections: "most clients at a time"
        case .maxPending: "bytes that may wait for a client that reads slowly, before it is cut"
        case .pingInterval: "time between signs of life, in seconds, or such as 500ms, 1.5s or 2m, like all times here"
        case .pingMax: "signs of life that a client may owe, before it is cut"
        case .lameDuckDuration: "time in which clients are moved off when the server ends"
        case .lameDuckGracePeriod: "how much of it passes before the first client is disconnected"
        case .idempotencyWindow: "how long replies to requests with a Nats-Msg-Id are kept"
        case .user: "a user who may connect, with password; nobody else may then, but those in authorization"
        case .password: "the user's password, or its bcrypt hash"
        case .token: "a token, or its bcrypt hash, with which clients may connect"
        case .tlsCert: "PEM file with the server's certificate; turns TLS on"
        case .tlsKey: "PEM file with its private key"
        case .tlsCa: "PEM file with the certificates of those who sign clients' certificates"
        case .tlsVerify: "whether clients must have a certificate"
        case .websocketPort: "port for WebSocket connections, as browsers make them; 0 takes one that is free, without it there are none"
        case .cluster: "whether other nodes share the store, all of them with this setting; they run each object once among them"
        case .clusterTtl: "time after the last sign of life until others take over a node's objects"
        case .clusterAdvertise: "host:port where other nodes, and clients of theirs, reach this one; by default where it listens"
        case .clusterLabels: "labels of the node, with commas between; kinds that want a label are hosted only where it is"
        }
    }

    /// The default, as it is written in a file; nil if there is none.
    func standard(in settings: NodeSettings) -> String? {
        let node = settings.node
        return switch self {
        case .host: node.broker.host
        case .port: "\(node.broker.port)"
        case .httpHost: MonitoringConfiguration().host
        case .store: "\(node.store)"
        case .logLevel: settings.logLevel.rawValue
        case .maxPayload: "\(node.broker.limits.payload)"
        case .maxConnections: "\(node.broker.maximumConnections)"
        case .maxPending: "\(node.broker.maximumPending)"
        case .pingInterval: Self.seconds(node.broker.pingInterval)
        case .pingMax: "\(node.broker.maximumPingsOutstanding)"
        case .lameDuckDuration: Self.seconds(node.broker.lameDuckDuration)
        case .lameDuckGracePeriod: Self.seconds(node.broker.lameDuckGracePeriod)
        case .idempotencyWindow: Self.seconds(node.objects.idempotencyWindow)
        case .tlsVerify, .cluster: "false"
        case .clusterTtl: Self.seconds(ClusterConfiguration().timeToLive)
        case .httpPort, .storeAcceptedRisks, .serverName, .user, .password, .token, .tlsCert, .tlsKey, .tlsCa, .websocketPort,
            .clusterAdvertise, .clusterLabels:
            nil
        }
    }

    /// What a file may say where there is no default.
    var example: String {
        switch self {
        case .httpPort: "8222"
        case .websocketPort: "8080"
        case .storeAcceptedRisks: "fsync,full_page_writes,synchronous_commit"
        case .serverName: "casino"
        case .clusterAdvertise: "10.0.0.7:4222"
        case .clusterLabels: "gpu,eu-1"
        case .user: "ann"
        case .password, .token: "$2a$11$…"
        case .tlsCert: "server.pem"
        case .tlsKey: "server-key.pem"
        case .tlsCa: "authority.pem"
        default: ""
        }
    }

    private static func seconds(_ duration: Duration) -> String {
        let seconds = duration / .seconds(1)
        return Int(exactly: seconds).map { "\($0)" } ?? "\(seconds)"
    }
}
