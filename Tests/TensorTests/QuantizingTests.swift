import FledgeCore
import FledgeTensor
import Foundation
import Testing

/// Quantised weights against bitsandbytes (`Scripts/reference/quantized_weights.py`).
@Suite struct QuantizingTests {
    /// As the script makes them.
    private func weights(_ rows: Int, _ columns: Int) -> Tensor {
        let values = (0..<(rows * columns)).map { index -> Float in
            var total = 0
            for factor: UInt64 in [2_654_435_761, 2_246_822_519, 3_266_489_917] {
                var hash = UInt64(index + 1) * factor & 0xFFFF_FFFF
                hash ^= hash >> 15
                hash = hash &* 2_246_822_507 & 0xFFFF_FFFF
                total += Int(hash >> 18) - 1 << 13
            }
            return Float(total * (1 + index / 64 % 7)) * 0x1p-21
        }
        return Tensor(values, shape: [rows, columns])
    }

    private func fixture() throws -> JSONValue {
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
        return try JSONValue(
            contentsOf: folder.appending(path: "Fixtures/quantized_weights.json").path)
    }

    private func bytes(_ value: JSONValue?) throws -> [UInt8] {
        let text = Array(try #require(value?.stringValue).utf8)
        return try stride(from: 0, to: text.count, by: 2).map {
            try #require(UInt8(String(decoding: text[$0..<($0 + 2)], as: UTF8.self), radix: 16))
        }
    }

    private func floats(_ value: JSONValue?) throws -> [Float] {
        let bytes = try bytes(value)
        return bytes.withUnsafeBytes { bytes in
            (0..<(bytes.count / 4)).map {
                bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self)
            }
        }
    }

    @Test func codesAreThoseOfTheReference() throws {
        let fixture = try fixture()
        for code in FourBitCode.allCases {
            #expect(try floats(fixture[code.rawValue]) == code.values)
        }
        #expect(try floats(fixture["map"]) == QuantizedMatrix.dynamicMap)
    }

    @Test func fourBitsAreThoseOfTheReference() throws {
        for entry in try #require(fixture()["cases"]?.arrayValue) {
            let (rows, columns) = (
                try #require(entry["rows"]?.intValue), try #require(entry["columns"]?.intValue)
            )
            for code in FourBitCode.allCases {
                let plain = QuantizedMatrix(
                    "w", quantizing: weights(rows, columns),
                    as: .fourBit(code, hasNestedScales: false))
                let expected = try #require(entry[code.rawValue])
                let packed = try bytes(expected["codes"])
                #expect(plain.dataBytes.prefix(packed.count).elementsEqual(packed))
                #expect(try plain.scaleValues == floats(expected["scales"]))
                if expected["expanded"] != nil {
                    #expect(
                        try plain.expanded(as: .float32).scalars() == floats(expected["expanded"]))
                }
            }
        }
    }

    @Test func nestedScalesAreThoseOfTheReference() throws {
        for entry in try #require(fixture()["cases"]?.arrayValue) {
            let (rows, columns) = (
                try #require(entry["rows"]?.intValue), try #require(entry["columns"]?.intValue)
            )
            for code in FourBitCode.allCases {
                let matrix = QuantizedMatrix(
                    "w", quantizing: weights(rows, columns),
                    as: .fourBit(code, hasNestedScales: true))
                let expected = try #require(entry[code.rawValue + "_nested"])
                let packed = try bytes(expected["codes"])
                #expect(matrix.dataBytes.prefix(packed.count).elementsEqual(packed))
                let nested = try #require(matrix.nestedScales)
                #expect(try nested.bytes == bytes(expected["nested"]))
                // The reference's mean is a float32 sum whose order depends on the processor.
                let offset = try Float(#require(expected["offset"]?.doubleValue))
                #expect(abs(nested.offset - offset) <= offset.ulp)
                for (found, group) in zip(matrix.scaleValues, try floats(expected["scales"])) {
                    #expect(abs(found - group) <= 2 * offset.ulp)
                }
                guard expected["expanded"] != nil else { continue }
                let values = try floats(expected["expanded"])
                for (found, value) in zip(matrix.expanded(as: .float32).scalars(), values) {
                    #expect(abs(found - value) <= abs(value) * 0x1p-22)
                }
            }
        }
    }

    @Test func int8IsThatOfTheReference() throws {
        for entry in try #require(fixture()["cases"]?.arrayValue) {
            let (rows, columns) = (
                try #require(entry["rows"]?.intValue), try #require(entry["columns"]?.intValue)
            )
            let matrix = QuantizedMatrix("w", quantizing: weights(rows, columns), as: .int8)
            let expected = try #require(entry["int8"])
            let codes = try bytes(expected["codes"])
            let different = codes.indices.filter { codes[$0] != matrix.dataBytes[$0] }
            #expect(different.isEmpty, "\(different.map { (codes[$0], matrix.dataBytes[$0]) })")
            #expect(
                try matrix.scaleValues == floats(expected["scales"]).map { $0 * Float(1 / 127.0) })
            if expected["expanded"] != nil {
                #expect(try matrix.expanded(as: .float32).scalars() == floats(expected["expanded"]))
            }
        }
    }

    @Test func zerosStayZeros() {
        for format in quantizedFormats {
            if case .ggml = format { continue }
            let matrix = QuantizedMatrix("w", quantizing: Tensor(zeros: [3, 70]), as: format)
            #expect(matrix.expanded(as: .float32).scalars().allSatisfy { $0 == 0 }, "\(format)")
        }
    }
}
