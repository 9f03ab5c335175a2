import NIOCore

/// Elements that become due, in the order of their deadlines. Any of them can be taken back.
///
/// A heap that knows where each element is: to add one and to take one back costs the logarithm of how many there are.
struct DeadlineQueue<Element> {
    /// Stands for one element, also when that is gone.
    struct Ticket {
        fileprivate let slot: Int
        fileprivate let number: UInt64
    }

    private struct Entry {
        let deadline: NIODeadline
        /// Of those with one deadline, the first that was added comes first.
        let number: UInt64
        let slot: Int

        static func < (left: Entry, right: Entry) -> Bool {
            left.deadline == right.deadline ? left.number < right.number : left.deadline < right.deadline
        }
    }

    private struct Slot {
        var element: Element?
        /// Where its entry is.
        var place = 0
    }

    private var heap: [Entry] = []
    private var slots: [Slot] = []
    private var freeSlots: [Int] = []
    private var lastNumber: UInt64 = 0

    var count: Int { heap.count }

    /// The earliest deadline.
    var next: NIODeadline? { heap.first?.deadline }

    mutating func add(_ element: Element, at deadline: NIODeadline) -> Ticket {
        lastNumber &+= 1
        let slot = freeSlots.popLast() ?? slots.count
        if slot == slots.count { slots.append(Slot()) }
        slots[slot].element = element
        let entry = Entry(deadline: deadline, number: lastNumber, slot: slot)
        heap.append(entry)
        rise(entry, from: heap.count - 1)
        return Ticket(slot: slot, number: lastNumber)
    }

    /// Takes an element back; nil if it is gone already.
    @discardableResult
    mutating func remove(_ ticket: Ticket) -> Element? {
        let place = slots[ticket.slot].place
        guard place < heap.count, heap[place].number == ticket.number else { return nil }
        return remove(at: place)
    }

    /// Takes out the element with the earliest deadline, if that is not after `now`.
    mutating func removeNext(dueAt now: NIODeadline) -> Element? {
        guard let next, next <= now else { return nil }
        return remove(at: 0)
    }

    private mutating func remove(at place: Int) -> Element? {
        let slot = heap[place].slot
        let last = heap.removeLast()
        if place < heap.count {
            if place > 0, last < heap[(place - 1) / 2] { rise(last, from: place) } else { sink(last, from: place) }
        }
        freeSlots.append(slot)
        defer { slots[slot].element = nil }
        return slots[slot].element
    }

    private mutating func rise(_ entry: Entry, from start: Int) {
        var place = start
        while place > 0, entry < heap[(place - 1) / 2] {
            put(heap[(place - 1) / 2], at: place)
            place = (place - 1) / 2
        }
        put(entry, at: place)
    }

    private mutating func sink(_ entry: Entry, from start: Int) {
        var place = start
        while true {
            var child = 2 * place + 1
            if child + 1 < heap.count, heap[child + 1] < heap[child] { child += 1 }
            guard child < heap.count, heap[child] < entry else { break }
            put(heap[child], at: place)
            place = child
        }
        put(entry, at: place)
    }

    private mutating func put(_ entry: Entry, at place: Int) {
        heap[place] = entry
        slots[entry.slot].place = place
    }
}
