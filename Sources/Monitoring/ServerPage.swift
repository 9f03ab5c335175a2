import RivuletBroker
import RivuletSubscriptions
import RivuletWire
import Synchronization

/// `/varz`: the settings of the server that matter to those who run it, and what it has done.
final class ServerPage: Sendable {
    private let broker: Broker
    private let host: String
    private let port = Atomic(0)
    private let load: ProcessorLoad

    /// - Parameter host: Where monitoring listens.
    init(broker: Broker, host: String) {
        self.broker = broker
        self.host = host
        load = ProcessorLoad(since: broker.startTime)
    }

    /// Monitoring listens at this port.
    func setPort(_ port: Int) {
        self.port.store(port, ordering: .relaxed)
    }

    func json() -> JSONValue {
        let configuration = broker.configuration
        let statistics = broker.statistics
        let now = SystemTime().wallTime
        let usage = ProcessUsage.now()
        let brokerPort = if case .listening(let address) = broker.status { address.port } else { configuration.port }
        return JSONValue([
            "server_id": .string(broker.serverID), "server_name": .string(broker.serverName), "version": .string(broker.protocolVersion),
            "rivulet": .string(configuration.productVersion), "proto": .int(1), "host": .string(configuration.host),
            "port": .int(brokerPort),
            "auth_required": broker.requiresLogin ? .bool(true) : nil, "tls_required": configuration.tls == nil ? nil : .bool(true),
            "tls_verify": (configuration.tls?.clientCertificates ?? .ignored) == .ignored ? nil : .bool(true),
            "max_connections": .int(configuration.maximumConnections), "max_subscriptions": .int(configuration.maximumSubscriptions),
            "ping_interval": .int(configuration.pingInterval.nanoseconds), "ping_max": .int(configuration.maximumPingsOutstanding),
            "http_host": .string(host), "http_port": .int(port.load(ordering: .relaxed)),
            "max_control_line": .int(configuration.limits.controlLine), "max_payload": .int(configuration.limits.payload),
            "max_pending": .int(configuration.maximumPending), "write_deadline": .int(configuration.writeDeadline.nanoseconds),
            "start": .string(broker.startTime.description), "now": .string(now.description),
            "uptime": .string(GoDuration.uptime(now.nanoseconds - broker.startTime.nanoseconds)), "mem": .int(usage.residentMemory),
            "cores": .int(ProcessUsage.cores), "cpu": .double(load.percent(at: now, usage.processorTime)),
            "connections": .int(statistics.connections), "total_connections": .int(statistics.totalConnections),
            "in_msgs": .int(statistics.inMessages), "in_bytes": .int(statistics.inBytes), "out_msgs": .int(statistics.outMessages),
            "out_bytes": .int(statistics.outBytes), "slow_consumers": .int(statistics.slowConsumers),
            "subscriptions": .int(statistics.subscriptions),
        ])
    }
}

extension Duration {
    /// As many as fit.
    fileprivate var nanoseconds: Int {
        let (seconds, overflow) = Int(components.seconds).multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? .max : seconds + Int(components.attoseconds / 1_000_000_000)
    }
}
