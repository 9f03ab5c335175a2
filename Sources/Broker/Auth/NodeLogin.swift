/// How the other nodes of a cluster log in.
public enum NodeLogin {
    /// The user's name; the password is the broker's ``BrokerConfiguration/nodeKey``. Where there is a key, no other user can have it.
    public static let user = "$NODE"
}
