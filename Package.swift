// swift-tools-version: 6.2
import PackageDescription

/// Every check that the compiler offers is on from the first commit; only the tests that read what C code unpacked go
/// without the marking of pointers, which stand there in every line.
let pointers: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .treatAllWarnings(as: .error),
]
let strict = pointers + [.strictMemorySafety()]

/// `scripts/release/build` names the archives of these libraries itself.
let isStatic = Context.environment["WARMPATH_STATIC_LIBRARIES"] != nil
func shared(_ names: String...) -> [LinkerSetting] { isStatic ? [] : names.map { .linkedLibrary($0) } }

let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let asyncHTTPClient: Target.Dependency = .product(name: "AsyncHTTPClient", package: "async-http-client")
let deque: Target.Dependency = .product(name: "DequeModule", package: "swift-collections")
let orderedCollections: Target.Dependency = .product(name: "OrderedCollections", package: "swift-collections")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let hpack: Target.Dependency = .product(name: "NIOHPACK", package: "swift-nio-http2")
let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore: Target.Dependency = .product(name: "HummingbirdCore", package: "hummingbird")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioEmbedded: Target.Dependency = .product(name: "NIOEmbedded", package: "swift-nio")
let nioHTTP2: Target.Dependency = .product(name: "NIOHTTP2", package: "swift-nio-http2")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let serviceLifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let tracing: Target.Dependency = .product(name: "Tracing", package: "swift-distributed-tracing")
let unixSignals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")
let subprocess: Target.Dependency = .product(name: "Subprocess", package: "swift-subprocess")
let swiftASN1: Target.Dependency = .product(name: "SwiftASN1", package: "swift-asn1")
let x509: Target.Dependency = .product(name: "X509", package: "swift-certificates")
let yams: Target.Dependency = .product(name: "Yams", package: "Yams")

let package = Package(
  name: "warmpath",
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(url: "https://github.com/apple/swift-asn1", exact: "1.7.4"),
    .package(url: "https://github.com/apple/swift-certificates", exact: "1.21.1"),
    .package(url: "https://github.com/apple/swift-collections", exact: "1.6.0"),
    .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
    .package(url: "https://github.com/apple/swift-distributed-tracing", exact: "1.7.3"),
    .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
    .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-http2", exact: "1.46.0"),
    .package(url: "https://github.com/apple/swift-nio-ssl", exact: "2.37.6"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1"),
    .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
    .package(url: "https://github.com/swift-server/async-http-client", exact: "1.37.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
    .package(url: "https://github.com/swiftlang/swift-subprocess", exact: "1.0.2"),
  ],
  targets: [
    // C: system libraries, the gRPC shim and generated messages.
    .systemLibrary(name: "CProtobufC"),
    .systemLibrary(name: "CZeroMQ"),
    .target(name: "CPrefetch"),
    .target(name: "CAllocationCount"),
    .target(name: "CGRPCShim", linkerSettings: shared("grpc", "gpr")),
    .target(name: "CEnvoyProto", dependencies: ["CProtobufC"], linkerSettings: shared("protobuf-c")),

    // Values and decisions: no I/O.
    .target(name: "EPPCore", swiftSettings: strict),
    .target(name: "EPPMetrics", dependencies: ["EPPCore"], swiftSettings: strict),
    .target(name: "EPPTracing", dependencies: ["EPPCore", tracing], swiftSettings: strict),
    .target(name: "EPPRequests", dependencies: ["EPPCore"], swiftSettings: strict),
    .target(
      name: "EPPPrefixCache", dependencies: ["CPrefetch", "EPPCore", deque, crypto], swiftSettings: strict),
    .target(
      name: "EPPScheduling",
      dependencies: ["EPPCore", "EPPMetrics", "EPPTracing", "EPPPrefixCache", crypto, deque, orderedCollections],
      swiftSettings: strict),

    // The world outside.
    .target(name: "EPPYAML", dependencies: [yams], swiftSettings: strict),
    .target(
      name: "EPPDataLayer",
      dependencies: ["EPPCore", "EPPMetrics", "EPPYAML", logging, nioCore, nioPosix, nioSSL, yams],
      swiftSettings: strict),
    .target(name: "ZeroMQ", dependencies: ["CZeroMQ"], swiftSettings: strict, linkerSettings: [.linkedLibrary("zmq")]),
    .target(
      name: "EPPKVEvents", dependencies: ["EPPCore", "EPPMetrics", "EPPPrefixCache", "ZeroMQ", logging],
      swiftSettings: strict),
    .target(
      name: "EPPTokens",
      dependencies: ["EPPCore", "EPPMetrics", "EPPRequests", asyncHTTPClient, logging, nioCore, nioHTTP1],
      swiftSettings: strict),
    .target(
      name: "EPPRouting",
      dependencies: [
        "EPPCore", "EPPMetrics", "EPPTracing", "EPPRequests", "EPPPrefixCache", "EPPScheduling",
      ],
      swiftSettings: strict),
    .target(
      name: "EPPExtProc", dependencies: ["EPPCore", "EPPMetrics", "EPPTracing", "EPPRequests", "EPPRouting", logging],
      swiftSettings: strict),
    .target(
      name: "EPPCertificates", dependencies: ["EPPDataLayer", crypto, nioSSL, swiftASN1, x509], swiftSettings: strict),
    .target(
      name: "EPPGRPCServer",
      dependencies: [
        "EPPCertificates", "EPPCore", "EPPExtProc", "EPPMetrics", "CGRPCShim", "CEnvoyProto", "CProtobufC",
      ], swiftSettings: strict),
    .target(
      name: "EPPKubernetes",
      dependencies: [
        "EPPCore", "EPPDataLayer", "EPPMetrics", "EPPYAML", asyncHTTPClient, logging, nioCore, nioHTTP1, nioSSL, yams,
      ], swiftSettings: strict),
    .target(
      name: "EPPObservability",
      dependencies: [
        "EPPCertificates", "EPPCore", "EPPMetrics", "EPPScheduling", "EPPTracing", asyncHTTPClient, hummingbird,
        hummingbirdCore, logging, nioCore, nioHTTP1, nioSSL, tracing,
      ],
      swiftSettings: strict),
    .target(
      name: "EPPConfiguration",
      dependencies: ["EPPCore", "EPPPrefixCache", "EPPScheduling", "EPPYAML", argumentParser, yams],
      swiftSettings: strict),

    .target(
      name: "EPPProcess",
      dependencies: [
        "EPPCertificates", "EPPConfiguration", "EPPCore", "EPPDataLayer", "EPPKubernetes", "EPPMetrics",
        "EPPObservability",
        "EPPScheduling", "EPPYAML",
        logging, nioPosix, serviceLifecycle,
      ], swiftSettings: strict),

    .target(
      name: "RoutingProxy",
      dependencies: [
        "EPPCore", "EPPMetrics", "EPPRequests", "EPPTracing", logging, nioCore, nioHTTP1, nioHTTP2, nioPosix, nioSSL,
      ], swiftSettings: strict
    ),

    // Stand-ins and test kit.
    .target(
      name: "EngineSimulator",
      dependencies: ["EPPCore", "EPPRequests", "ZeroMQ", crypto, nioCore, nioHTTP1, nioPosix],
      swiftSettings: strict),

    // Executables: flags and wiring.
    .executableTarget(
      name: "epp",
      dependencies: [
        "EPPCertificates", "EPPConfiguration", "EPPCore", "EPPDataLayer", "EPPExtProc", "EPPGRPCServer", "EPPKVEvents",
        "EPPKubernetes",
        "EPPMetrics", "EPPObservability", "EPPPrefixCache", "EPPProcess", "EPPRouting", "EPPScheduling", "EPPTokens",
        "EPPYAML",
        "ZeroMQ",
        argumentParser, asyncHTTPClient, logging, nioCore, nioHTTP1, nioPosix, serviceLifecycle,
      ], swiftSettings: strict),
    .executableTarget(
      name: "routing-sidecar",
      dependencies: [
        "EPPCertificates", "EPPConfiguration", "EPPCore", "EPPDataLayer", "EPPKubernetes", "EPPMetrics",
        "EPPObservability", "EPPProcess", "EPPScheduling", "EPPYAML", "RoutingProxy", argumentParser,
        logging, nioPosix,
        nioSSL,
        serviceLifecycle, yams,
      ], swiftSettings: strict),
    .executableTarget(
      name: "engine-sim", dependencies: ["EngineSimulator", argumentParser, logging, serviceLifecycle, unixSignals],
      swiftSettings: strict),
    .executableTarget(
      name: "epp-bench",
      dependencies: [
        "CAllocationCount", "EPPCore", "EPPMetrics", "EPPPrefixCache", "EPPScheduling", argumentParser, asyncHTTPClient,
        hpack, nioCore, nioHTTP1, nioPosix,
      ],
      exclude: ["README.md"], swiftSettings: strict),

    .target(
      name: "EPPTestKit",
      dependencies: [
        "EPPCore", "EPPExtProc", "EPPMetrics", "EPPPrefixCache", "EPPRouting", "EPPScheduling", "EPPTracing", crypto,
        logging, nioSSL,
        swiftASN1, x509,
      ], path: "Tests/EPPTestKit", swiftSettings: strict),

    // Tests, one target per source target, and the whole against a real Envoy.
    .testTarget(
      name: "EPPBenchTests",
      dependencies: ["epp-bench", "EPPCore", "EPPPrefixCache", "EPPScheduling", argumentParser, nioCore],
      swiftSettings: strict),
    .testTarget(
      name: "RoutingProxyTests",
      dependencies: [
        "EPPTestKit", "EPPCore", "EPPMetrics", "EPPRequests", "EPPTracing", "RoutingProxy", logging, nioCore,
        nioEmbedded, nioHTTP1,
        nioPosix, tracing,
      ],
      swiftSettings: strict),
    .testTarget(
      name: "RoutingSidecarTests",
      dependencies: ["routing-sidecar", "EPPConfiguration", "EPPCore", "RoutingProxy", argumentParser],
      swiftSettings: strict),
    .testTarget(
      name: "EPPTracingTests", dependencies: ["EPPTestKit", "EPPCore", "EPPTracing", tracing], swiftSettings: strict),
    .testTarget(name: "EPPCoreTests", dependencies: ["EPPCore", "EPPTestKit"], swiftSettings: strict),
    .testTarget(
      name: "EPPKVEventsTests",
      dependencies: [
        "EPPTestKit",
        "EPPCore", "EPPKVEvents", "EPPMetrics", "EPPPrefixCache", "ZeroMQ", logging, nioCore, nioPosix,
      ], swiftSettings: strict
    ),
    .testTarget(
      name: "EPPTokensTests",
      dependencies: [
        "EPPTestKit", "EPPCore", "EPPMetrics", "EPPTokens", "EngineSimulator", logging, nioCore, nioHTTP1, nioPosix,
      ],
      swiftSettings: strict),
    .testTarget(name: "EPPCertificatesTests", dependencies: ["EPPCertificates"], swiftSettings: strict),
    .testTarget(name: "EPPMetricsTests", dependencies: ["EPPCore", "EPPMetrics"], swiftSettings: strict),
    .testTarget(
      name: "EPPRequestsTests", dependencies: ["EPPTestKit", "EPPCore", "EPPRequests"], resources: [.copy("Fixtures")],
      swiftSettings: strict),
    .testTarget(
      name: "EPPPrefixCacheTests", dependencies: ["EPPTestKit", "EPPCore", "EPPPrefixCache"],
      resources: [.copy("Fixtures")],
      swiftSettings: strict),
    .testTarget(
      name: "EPPSchedulingTests",
      dependencies: ["EPPTestKit", "EPPCore", "EPPMetrics", "EPPPrefixCache", "EPPScheduling"],
      swiftSettings: strict),
    .testTarget(
      name: "EPPExtProcTests",
      dependencies: [
        "EPPCore", "EPPExtProc", "EPPMetrics", "EPPPrefixCache", "EPPRouting", "EPPScheduling", "EPPTestKit",
        "EPPTracing", tracing,
      ],
      swiftSettings: strict),
    .testTarget(
      name: "EPPDataLayerTests",
      dependencies: [
        "EPPTestKit", "EPPCore", "EPPDataLayer", "EPPMetrics", logging, nioCore, nioHTTP1, nioPosix, nioSSL,
      ],
      resources: [.copy("Fixtures")], swiftSettings: strict),
    .testTarget(
      name: "EPPRoutingTests",
      dependencies: [
        "EPPTestKit",
        "EPPCore", "EPPExtProc", "EPPMetrics", "EPPPrefixCache", "EPPRequests", "EPPRouting", "EPPScheduling",
      ],
      swiftSettings: strict),
    .testTarget(
      name: "EPPGRPCServerTests",
      dependencies: [
        "EPPTestKit", "EPPCore", "EPPExtProc", "EPPGRPCServer", "EPPPrefixCache", "EPPRouting", "EPPScheduling",
        "CEnvoyProto", "CGRPCShim", "CProtobufC",
      ],
      swiftSettings: pointers),
    .testTarget(
      name: "EPPKubernetesTests",
      dependencies: [
        "EPPTestKit", "EPPCore", "EPPDataLayer", "EPPKubernetes", "EPPMetrics", logging, nioCore, nioHTTP1, nioPosix,
        nioSSL,
      ], swiftSettings: strict),
    .testTarget(
      name: "EPPObservabilityTests",
      dependencies: [
        "EPPCore", "EPPMetrics", "EPPObservability", "EPPScheduling", "EPPTestKit", "EPPTracing", asyncHTTPClient,
        logging,
        nioCore, nioHTTP1, serviceLifecycle, tracing,
      ], swiftSettings: strict),
    .testTarget(
      name: "EPPConfigurationTests",
      dependencies: [
        "EPPTestKit", "EPPConfiguration", "EPPCore", "EPPMetrics", "EPPPrefixCache", "EPPScheduling", argumentParser,
      ],
      swiftSettings: strict),
    .testTarget(
      name: "EngineSimulatorTests",
      dependencies: ["EPPTestKit", "EPPCore", "EngineSimulator", "ZeroMQ", asyncHTTPClient, nioCore, nioHTTP1],
      swiftSettings: strict),
    .testTarget(name: "EPPYAMLTests", dependencies: ["EPPYAML", yams], swiftSettings: strict),
    .testTarget(name: "ZeroMQTests", dependencies: ["ZeroMQ"], swiftSettings: strict),
  ]
)
