import RivuletBroker
import RivuletClient

/// The certificates of the tests, made by `Tests/Certificates/make.sh`.
enum Certificates {
    static func path(_ name: String) -> String {
        let folders = #filePath.split(separator: "/").dropLast(2)
        return "/" + folders.joined(separator: "/") + "/Certificates/\(name).pem"
    }

    static func server(_ name: String = "server", clients: BrokerTLSConfiguration.ClientCertificates = .ignored) -> BrokerTLSConfiguration {
        var tls = BrokerTLSConfiguration(certificateFile: path(name), keyFile: path(name + "-key"), authorityFile: path("authority"))
        tls.clientCertificates = clients
        return tls
    }

    static func client(_ name: String? = nil, authority: String = "authority") -> ClientTLSConfiguration {
        ClientTLSConfiguration(
            authorityFile: path(authority), certificateFile: name.map { path($0) }, keyFile: name.map { path($0 + "-key") })
    }
}
