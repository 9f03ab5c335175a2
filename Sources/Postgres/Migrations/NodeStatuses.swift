/// What nodes tell of themselves. Kinds stand as they do in subjects.
enum NodeStatuses {
    static func sql(_ schema: Schema) -> String {
        """
        ALTER TABLE \(schema).member_rows
            ADD COLUMN kinds text[] NOT NULL DEFAULT '{}',
            ADD COLUMN active_objects bigint NOT NULL DEFAULT 0,
            ADD COLUMN is_draining boolean NOT NULL DEFAULT false;

        """
    }
}
