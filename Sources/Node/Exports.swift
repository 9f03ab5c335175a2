@_exported public import ArgumentParser
@_exported public import RivuletBroker
@_exported public import RivuletMonitoring
@_exported public import RivuletObjects

@_exported public import struct RivuletCluster.ClusterConfiguration
@_exported public import struct RivuletPostgres.PostgresConfiguration
@_exported public import struct RivuletPostgres.PostgresURL
