/// What nodes say to each other's brokers.
enum NodeSecrets {
    static func sql(_ schema: Schema) -> String {
        """
        ALTER TABLE \(schema).member_rows ADD COLUMN secret text NOT NULL DEFAULT '';

        """
    }
}
