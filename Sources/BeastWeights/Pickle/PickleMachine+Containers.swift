// SPDX-License-Identifier: MIT

extension PickleMachine {
    mutating func performContainer(_ operation: PickleOpcode) throws(WeightsError) {
        switch operation {
        case .emptyTuple: try push(try arena.makeTuple(EmptyCollection()))
        case .tuple: try push(try arena.makeTuple(try popMark()))
        case .tuple1: try pushTuple(count: 1)
        case .tuple2: try pushTuple(count: 2)
        case .tuple3: try pushTuple(count: 3)
        case .emptyList: try push(.list(try arena.makeSequence(EmptyCollection())))
        case .list: try push(.list(try arena.makeSequence(try popMark())))
        case .append:
            try spend(1)
            try append(CollectionOfOne(try pop()))
        case .appends: try append(try popMark())
        case .emptyDict: try push(.dictionary(try arena.makeDictionary()))
        case .dict:
            let items = try popMark()
            let dictionary = PickleNode.dictionary(try arena.makeDictionary())
            try arena.setItems(items, of: dictionary)
            try push(dictionary)
        case .setItem:
            try spend(1)
            let value = try pop()
            let key = try pop()
            try arena.setItem(key, value, of: try top())
        case .setItems: try arena.setItems(try popMark(), of: try top())
        case .emptySet: try push(.set(try arena.makeSequence(EmptyCollection())))
        case .frozenSet: try push(.set(try arena.makeSequence(try popMark())))
        default: try addToSet(try popMark())
        }
    }

    private mutating func pushTuple(count: Int) throws(WeightsError) {
        try push(try arena.makeTuple(try popLast(count)))
    }

    private mutating func append(_ items: some Collection<PickleNode>) throws(WeightsError) {
        switch try top() {
        case .list(let position): try arena.append(items, toSequence: position)
        case .object(let position): try arena.append(items, toObject: position)
        case let other:
            throw WeightsError(.malformedPickle, "items are appended to \(arena.kind(of: other))")
        }
    }

    private mutating func addToSet(_ items: [PickleNode]) throws(WeightsError) {
        switch try top() {
        case .set(let position): try arena.append(items, toSequence: position)
        case .object(let position): try arena.append(items, toObject: position)
        case let other:
            throw WeightsError(.malformedPickle, "members are added to \(arena.kind(of: other))")
        }
    }
}
