/// Nodes' leases, on the database's clock, and the claiming of objects.
enum ClusterTables {
    static func sql(_ schema: Schema) -> String {
        """
        CREATE FUNCTION \(schema).moment() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$ SELECT clock_timestamp() $$;

        CREATE SEQUENCE \(schema).lease_numbers;

        CREATE TABLE \(schema).member_rows (
            name text COLLATE "C" PRIMARY KEY,
            address text NOT NULL,
            lease bigint NOT NULL,
            time_to_live interval NOT NULL,
            ends timestamptz NOT NULL
        ) WITH (fillfactor = 50);

        CREATE VIEW \(schema).members AS
            SELECT name, address, lease, ends FROM \(schema).member_rows WHERE ends > \(schema).moment();

        -- Without a node: the claimant's lease has ended.
        CREATE FUNCTION \(schema).claim(
            object_kind text, object_id text, claimant text, claimant_lease bigint, OUT node text, OUT epoch bigint
        ) LANGUAGE plpgsql AS $$
        DECLARE
            holder text;
            holder_lease bigint;
        BEGIN
            PERFORM 1 FROM \(schema).members m WHERE m.name = claimant AND m.lease = claimant_lease;
            IF NOT FOUND THEN RETURN; END IF;
            LOOP
                SELECT o.owner, o.owner_lease, o.owner_epoch INTO holder, holder_lease, epoch
                FROM \(schema).object_rows o WHERE o.kind = object_kind AND o.id = object_id FOR UPDATE;
                EXIT WHEN FOUND;
                INSERT INTO \(schema).object_rows (number, kind, id, version, owner_epoch, last_event, updated)
                VALUES (nextval('\(schema).object_numbers'), object_kind, object_id, 0, 0, 0, 0)
                ON CONFLICT (kind, id) DO NOTHING;
            END LOOP;
            -- Looked up after the row is locked, so that it is not a lease older than the row.
            PERFORM 1 FROM \(schema).members m WHERE m.name = holder AND m.lease = holder_lease;
            IF FOUND THEN
                node := holder;
                RETURN;
            END IF;
            UPDATE \(schema).object_rows o SET owner = claimant, owner_lease = claimant_lease, owner_epoch = o.owner_epoch + 1
            WHERE o.kind = object_kind AND o.id = object_id
            RETURNING o.owner, o.owner_epoch INTO node, epoch;
        END
        $$;

        """
    }
}
