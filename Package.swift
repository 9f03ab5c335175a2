// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

func library(
    _ name: String, _ folder: String, _ dependencies: [Target.Dependency] = []
) -> Target {
    .target(name: name, dependencies: dependencies, path: "Sources/\(folder)", swiftSettings: strict)
}

func example(_ name: String, _ folder: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, path: "Examples/BlackJack/\(folder)", swiftSettings: strict)
}

func program(_ name: String, path: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(name: name, dependencies: dependencies, path: path, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies + ["TestSupport"], path: "Tests/\(name)", swiftSettings: strict)
}

let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioHTTP: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let nioWebSocket: Target.Dependency = .product(name: "NIOWebSocket", package: "swift-nio")
let nioTLS: Target.Dependency = .product(name: "NIOTLS", package: "swift-nio")
let nioEmbedded: Target.Dependency = .product(name: "NIOEmbedded", package: "swift-nio")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let metrics: Target.Dependency = .product(name: "Metrics", package: "swift-metrics")
let tracing: Target.Dependency = .product(name: "Tracing", package: "swift-distributed-tracing")
let inMemoryTracing: Target.Dependency = .product(name: "InMemoryTracing", package: "swift-distributed-tracing")
let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore: Target.Dependency = .product(name: "HummingbirdCore", package: "hummingbird")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let signals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")
let arguments: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let deque: Target.Dependency = .product(name: "DequeModule", package: "swift-collections")
let configuration: Target.Dependency = .product(name: "Configuration", package: "swift-configuration")
let yaml: Target.Dependency = .product(name: "Yams", package: "Yams")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let tls: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
// Other systems' crypt(3) has no bcrypt.
let cCrypt: Target.Dependency = .target(name: "CCrypt", condition: .when(platforms: [.linux]))
let grdb: Target.Dependency = .product(name: "GRDB", package: "GRDB.swift")
let sqlite: Target.Dependency = .product(name: "GRDBSQLite", package: "GRDB.swift")

let package = Package(
    name: "rivulet",
    platforms: [.macOS(.v15), .iOS(.v18)],
    products: [
        .library(name: "Rivulet", targets: ["Rivulet"]),
        .library(name: "RivuletClient", targets: ["RivuletClient"]),
        .library(name: "RivuletTesting", targets: ["RivuletTesting"]),
        .executable(name: "rivulet", targets: ["RivuletCLI"]),
        .executable(name: "BlackJackServer", targets: ["BlackJackServer"]),
        .executable(name: "BlackJackClient", targets: ["BlackJackClient"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.3"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0", traits: ["JSON", "YAML"]),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    ],
    targets: [
        library("RivuletWire", "Wire"),
        library("RivuletSubscriptions", "Subscriptions", ["RivuletWire", deque, tracing]),
        library("RivuletSockets", "Sockets", [nioCore]),
        library("RivuletContract", "Contract", ["RivuletWire", "RivuletSubscriptions"]),
        library(
            "RivuletBroker", "Broker",
            [
                "RivuletWire", "RivuletSubscriptions", "RivuletSockets", cCrypt, nioCore, nioPosix, nioTLS, nioHTTP, nioWebSocket, crypto,
                tls, logging, metrics, tracing,
            ]),
        library(
            "RivuletMonitoring", "Monitoring",
            [
                "RivuletWire", "RivuletSubscriptions", "RivuletBroker", hummingbird, hummingbirdCore, nioCore, metrics, logging, lifecycle,
            ]),
        .systemLibrary(name: "CCrypt", path: "Sources/CCrypt", providers: [.apt(["libcrypt-dev"])]),
        library("RivuletBackbone", "Backbone", ["RivuletSubscriptions"]),
        library("RivuletSQLite", "SQLite", ["RivuletSubscriptions", "RivuletBackbone", grdb, sqlite, logging]),
        .systemLibrary(
            name: "CLibpq", path: "Sources/CLibpq", pkgConfig: "libpq", providers: [.apt(["libpq-dev"]), .brew(["libpq"])]),
        library("RivuletPostgres", "Postgres", ["RivuletSubscriptions", "RivuletBackbone", "CLibpq", deque, logging]),
        library(
            "RivuletObjects", "Objects",
            ["RivuletWire", "RivuletSubscriptions", "RivuletContract", "RivuletBackbone", deque, logging, metrics]),
        library(
            "RivuletCluster", "Cluster",
            [
                "RivuletWire", "RivuletSubscriptions", "RivuletContract", "RivuletBackbone", "RivuletObjects", "RivuletBroker", deque,
                logging,
            ]),
        library(
            "RivuletClient", "Client",
            [
                "RivuletWire", "RivuletSubscriptions", "RivuletSockets", "RivuletContract", nioCore, nioPosix, crypto, tls, logging, deque,
            ]),
        library(
            "Rivulet", "Node",
            [
                "RivuletWire", "RivuletSubscriptions", "RivuletContract", "RivuletBackbone", "RivuletSQLite", "RivuletPostgres",
                "RivuletBroker", "RivuletMonitoring", "RivuletObjects", "RivuletCluster", "RivuletClient", logging, lifecycle, arguments,
                configuration, signals, yaml,
            ]),
        library(
            "RivuletTesting", "Testing",
            ["Rivulet", "RivuletSubscriptions", "RivuletContract", "RivuletBackbone", "RivuletObjects", "RivuletBroker"]),
        program(
            "RivuletCLI", path: "Sources/CLI",
            ["Rivulet", "RivuletClient", "RivuletContract", "RivuletSubscriptions", "RivuletWire", arguments]),
        .target(name: "BenchKinds", dependencies: ["Rivulet"], path: "Benchmarks/Objects/Kinds", swiftSettings: strict),
        program("BenchObjects", path: "Benchmarks/Objects/Server", ["BenchKinds", "Rivulet"]),
        program(
            "BareStore", path: "Benchmarks/BareStore",
            [
                "RivuletBackbone", "RivuletSQLite", "RivuletPostgres", "RivuletSubscriptions", "CLibpq", sqlite, arguments, logging,
            ]),
        .target(name: "CAllocations", path: "Benchmarks/Budgets/CAllocations"),
        program("BudgetServer", path: "Benchmarks/Budgets/Server", ["BenchKinds", "CAllocations", "Rivulet"]),

        example("BlackJackRules", "Rules"),
        example("BlackJackContract", "Contract", ["BlackJackRules", "RivuletContract"]),
        example("BlackJackObjects", "Objects", ["BlackJackRules", "BlackJackContract", "Rivulet"]),
        program("BlackJackServer", path: "Examples/BlackJack/Server", ["BlackJackObjects", "Rivulet", arguments]),
        program(
            "BlackJackClient", path: "Examples/BlackJack/Client",
            ["BlackJackContract", "BlackJackRules", "RivuletClient", arguments, logging]),

        .target(name: "TestSupport", dependencies: [logging], path: "Tests/Support", swiftSettings: strict),
        tests("WireTests", ["RivuletWire"]),
        tests("SubscriptionsTests", ["RivuletSubscriptions", "RivuletWire"]),
        tests("ContractTests", ["RivuletContract", "RivuletSubscriptions"]),
        tests("MonitoringTests", ["RivuletMonitoring", "RivuletBroker", "RivuletSubscriptions", logging, metrics]),
        tests("BrokerTests", ["RivuletBroker", "RivuletSubscriptions", "RivuletWire", nioCore, nioPosix, nioEmbedded, logging]),
        tests(
            "BackboneTests",
            [
                "RivuletBackbone", "RivuletSQLite", "RivuletSubscriptions", "RivuletTesting", "StoreCalls", "StoreNode", "StoreWriter",
                grdb,
                logging,
            ]),
        .target(
            name: "StoreCalls", dependencies: ["RivuletBackbone", "RivuletSubscriptions"], path: "Tests/StoreCalls", swiftSettings: strict),
        program(
            "StoreNode", path: "Tests/StoreNode",
            ["RivuletBackbone", "RivuletSQLite", "RivuletSubscriptions", "RivuletTesting", "StoreCalls", logging]),
        program("StoreWriter", path: "Tests/StoreWriter", ["RivuletBackbone", "RivuletSQLite", "RivuletSubscriptions", logging]),
        program("ChaosServer", path: "Tests/Chaos/Server", ["Rivulet"]),
        tests(
            "PostgresTests",
            [
                "RivuletPostgres", "RivuletCluster", "RivuletBroker", "RivuletObjects", "RivuletBackbone", "RivuletSubscriptions",
                "RivuletTesting", logging,
            ]),
        tests(
            "ObjectsTests",
            [
                "RivuletObjects", "RivuletContract", "RivuletBackbone", "RivuletBroker", "RivuletSubscriptions", "RivuletWire",
                "RivuletTesting", logging,
            ]),
        tests(
            "ClusterTests",
            [
                "RivuletCluster", "RivuletObjects", "RivuletContract", "RivuletBackbone", "RivuletBroker", "RivuletSubscriptions",
                "RivuletClient", "RivuletSQLite", "RivuletWire", "RivuletTesting", logging,
            ]),
        program("PlacedObjects", path: "Tests/PlacedObjects", ["Rivulet"]),
        tests(
            "ClientTests",
            ["RivuletClient", "RivuletBroker", "RivuletContract", "RivuletSubscriptions", "RivuletWire", logging]),
        tests(
            "NodeTests",
            [
                "Rivulet", "RivuletClient", "RivuletTesting", "RivuletContract", "RivuletObjects", "RivuletBackbone", logging, lifecycle,
                tracing,
                inMemoryTracing,
            ]),
        tests(
            "BlackJackTests",
            [
                "BlackJackRules", "BlackJackContract", "BlackJackObjects", "BlackJackServer", "BlackJackClient", "Rivulet",
                "RivuletBackbone",
                "RivuletClient", "RivuletTesting", logging,
            ]),
    ],
    swiftLanguageModes: [.v6]
)

// Sanitizers want builds of their own (make fuzz, make tsan), of no more than what is examined, since they take long.
switch Context.environment["RIVULET_SANITIZER"] {
case "fuzzer":
    keepOnly("RivuletBroker")
    let settings = strict + [.unsafeFlags(["-sanitize=fuzzer,address", "-O"])]
    let linked: LinkerSetting = .unsafeFlags(["-sanitize=fuzzer,address", "-use-ld=lld"])
    for target in package.targets where target.type == .regular { target.swiftSettings = settings }
    package.targets += [
        .target(name: "Fuzzing", dependencies: ["RivuletWire"], path: "Tests/Fuzz/Support", swiftSettings: settings),
        .executableTarget(
            name: "FuzzWire", dependencies: ["Fuzzing", "RivuletWire"], path: "Tests/Fuzz/Wire", swiftSettings: settings,
            linkerSettings: [linked]),
        .executableTarget(
            name: "FuzzBroker",
            dependencies: ["Fuzzing", "RivuletWire", "RivuletSubscriptions", "RivuletBroker", nioCore, nioEmbedded, logging],
            path: "Tests/Fuzz/Broker", swiftSettings: settings, linkerSettings: [linked]),
    ]
case "thread":
    keepOnly("SubscriptionsTests", "BrokerTests", "ClientTests")
    package.targets.append(.target(name: "ThreadSanitizing", path: "Tests/ThreadSanitizer"))
    for target in package.targets where target.isTest { target.dependencies.append("ThreadSanitizing") }
    // Else it takes so long that clients give up.
    for target in package.targets where target.swiftSettings != nil { target.swiftSettings = strict + [.unsafeFlags(["-O"])] }
default: break
}

/// Keeps some targets and what they are made of.
@MainActor func keepOnly(_ names: String...) {
    var (kept, left): (Set<String>, [String]) = ([], names)
    while let name = left.popLast() {
        guard kept.insert(name).inserted, let target = package.targets.first(where: { $0.name == name }) else { continue }
        for dependency in target.dependencies {
            switch dependency {
            case .byNameItem(let name, _), .targetItem(let name, _): left.append(name)
            default: break
            }
        }
    }
    package.products = []
    package.targets.removeAll { !kept.contains($0.name) }
}
