/// The statements of a store, apart from the one that commits.
struct Statements: Sendable {
    let load: Statement
    let openStream: Statement
    let stream: Statement
    let heads: Statement
    let read: Statement
    let join: Statement
    let renew: Statement
    let leave: Statement
    let members: Statement
    let claim: Statement
    let owner: Statement
    let release: Statement
    let send: Statement

    init(_ schema: Schema) {
        load = Statement(
            "load",
            """
            SELECT o.version, o.owner_epoch, o.state, r.message_id, r.payload, r.expires
            FROM \(schema).object_rows o LEFT JOIN \(schema).reply_rows r ON r.object = o.number AND r.expires > $3
            WHERE o.kind = $1 AND o.id = $2 ORDER BY r.expires, r.message_id
            """)
        openStream = Statement(
            "open_stream", "INSERT INTO \(schema).stream_rows (name, epoch, head) VALUES ($1, $2, 0) ON CONFLICT (name) DO NOTHING")
        stream = Statement(
            "stream",
            """
            SELECT s.epoch, coalesce((SELECT min(e.sequence) FROM \(schema).event_rows e WHERE e.stream = s.number), s.head + 1), s.head
            FROM \(schema).stream_rows s WHERE s.name = $1
            """)
        heads = Statement("heads", "SELECT name, head FROM \(schema).stream_rows")
        read = Statement("read", "SELECT * FROM \(schema).read_events($1, $2, $3, $4, $5, $6, $7)")
        join = Statement(
            "join",
            """
            INSERT INTO \(schema).member_rows
                (name, address, secret, lease, time_to_live, ends, kinds, active_objects, is_draining)
            SELECT $1, $2, $4, nextval('\(schema).lease_numbers'), t.live, \(schema).moment() + t.live, $5, $6, $7 <> 0
            FROM (SELECT $3 * interval '1 microsecond') AS t (live)
            ON CONFLICT (name) DO UPDATE SET
                address = excluded.address, secret = excluded.secret, lease = excluded.lease, time_to_live = excluded.time_to_live,
                ends = excluded.ends, kinds = excluded.kinds, active_objects = excluded.active_objects, is_draining = excluded.is_draining
            RETURNING lease
            """)
        renew = Statement(
            "renew",
            """
            UPDATE \(schema).member_rows
            SET ends = \(schema).moment() + time_to_live, kinds = $3, active_objects = $4, is_draining = $5 <> 0
            WHERE name = $1 AND lease = $2 AND ends > \(schema).moment() RETURNING lease
            """)
        leave = Statement(
            "leave",
            """
            DELETE FROM \(schema).member_rows
            WHERE name = $1 AND lease = $2 OR name IN (
                SELECT name FROM \(schema).member_rows WHERE ends < \(schema).moment() - interval '1 day' FOR UPDATE SKIP LOCKED
            )
            """)
        members = Statement(
            "members",
            """
            SELECT name, address, secret, kinds, active_objects, is_draining,
                (extract(epoch FROM time_to_live) * 1000000)::bigint, (extract(epoch FROM ends - now.moment) * 1000000)::bigint
            FROM \(schema).member_rows, \(schema).moment() AS now (moment) WHERE ends > now.moment ORDER BY name
            """)
        claim = Statement("claim", "SELECT leases, nodes, epochs FROM \(schema).claim_batch($1, $2, $3, $4)")
        owner = Statement(
            "owner",
            """
            SELECT o.owner, o.owner_epoch
            FROM \(schema).object_rows o JOIN \(schema).members m ON m.name = o.owner AND m.lease = o.owner_lease
            WHERE o.kind = $1 AND o.id = $2
            """)
        release = Statement("release", "SELECT \(schema).release_batch($1, $2, $3, $4)")
        send = Statement("send", "SELECT \(schema).relay_send($1, $2, $3)")
    }
}
