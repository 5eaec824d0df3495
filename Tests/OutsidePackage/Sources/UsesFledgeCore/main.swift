import FledgeCore

let value = try JSONValue(parsing: "{\"a\": [1, 2.5, null]}")
precondition(value["a"]?[1]?.doubleValue == 2.5)
print("FledgeCore: \(value.serialized())")
