#if canImport(Darwin)
    import Darwin
#else
    import FoundationEssentials
    #if canImport(Glibc)
        import Glibc
    #elseif canImport(Musl)
        import Musl
    #endif
#endif

/// File systems that share files between machines, on which SQLite's shared memory and locks do not hold.
package enum NetworkFileSystem {
    #if canImport(Darwin)
        /// The name of the network file system that holds `path`; nil when it is local or unknown.
        static func name(at path: String) -> String? {
            var status = statfs()
            guard statfs(path, &status) == 0, status.f_flags & UInt32(MNT_LOCAL) == 0 else { return nil }
            return withUnsafeBytes(of: status.f_fstypename) { name in
                String(decoding: name.prefix { $0 != 0 }, as: UTF8.self)
            }
        }
    #else
        /// The name of the network file system that holds `path`; nil when it is local or unknown.
        static func name(at path: String) -> String? {
            var status = stat()
            guard stat(path, &status) == 0, let mounts = try? String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8) else {
                return nil
            }
            // The kernel's own packing of device numbers, as in glibc's <sys/sysmacros.h>.
            let device = UInt64(status.st_dev)
            let major = (device >> 8 & 0xFFF) | (device >> 32 & ~0xFFF)
            let minor = (device & 0xFF) | (device >> 12 & ~0xFF)
            return name(ofDevice: "\(major):\(minor)", mountInfo: mounts)
        }
    #endif

    /// The same, for a device `major:minor` in a table in the form of `/proc/self/mountinfo`, proc(5).
    package static func name(ofDevice device: String, mountInfo: String) -> String? {
        for line in mountInfo.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count > 4, fields[2] == device, let dash = fields.dropFirst(6).firstIndex(of: "-"), dash + 1 < fields.count
            else { continue }
            let type = String(fields[dash + 1])
            return types.contains(type) ? type : nil
        }
        return nil
    }

    private static let types: Set<String> = [
        "nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "coda", "ceph", "fuse.ceph", "lustre", "gpfs", "beegfs", "panfs",
        "glusterfs", "fuse.glusterfs", "fuse.sshfs",
    ]
}
