/// Which of a cluster's nodes gets an object that none has, when it is called. Without a cluster it means nothing.
///
/// Only nodes come into question that host the kind, by their program and their labels (``ObjectConfiguration/label``), and are not
/// about to leave.
public enum Placement: Sendable, Hashable {
    /// The node that is called, so that no other has to be asked; if it does not host the kind, as ``leastLoaded``.
    case preferLocal
    /// Any, each as likely as the others.
    case random
    /// Of two that are picked at random, the one with fewer active objects, by what nodes tell of themselves now and then.
    case leastLoaded
}
