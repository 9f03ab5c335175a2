#if canImport(CCrypt)
    import CCrypt
#endif

/// Checks passwords against bcrypt hashes with the system's crypt(3).
enum Bcrypt {
    /// Whether this system can.
    static var isAvailable: Bool {
        #if canImport(CCrypt)
            true
        #else
            false
        #endif
    }

    /// Whether `hash` was made of `password`. Slow on purpose. False where the system cannot tell.
    static func verify(_ password: String, against hash: String) -> Bool {
        // To crypt(3) a password ends at its first NUL.
        guard !password.utf8.contains(0) else { return false }
        #if canImport(CCrypt)
            // The C interface asks for memory of the caller's, 32 KiB, which must start as zeros and is used by this call only.
            let memory = UnsafeMutablePointer<crypt_data>.allocate(capacity: 1)
            defer { memory.deallocate() }
            memory.initialize(to: crypt_data())
            guard let made = crypt_r(password, hash, memory) else { return false }
            let text = String(cString: made)
            return text.hasPrefix("$2") && ConstantTime.areEqual(text.utf8, hash.utf8)
        #else
            return false
        #endif
    }
}
